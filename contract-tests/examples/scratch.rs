//! scratch
#[tokio::main]
async fn main() {
    let server = companyos_server::testing::TestServer::builder().start().await.unwrap();
    let listening = server.listen().await.unwrap();
    println!("http://{} {}", listening.address(), server.operator_key());
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        server.clock().advance(std::time::Duration::from_millis(5));
    }
}
