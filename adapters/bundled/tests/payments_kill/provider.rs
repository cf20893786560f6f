//! The provider, in the process that is not killed, and the adapter that reaches it from the one that is.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use companyos_adapter_traits::payment::{
    CancelOptions, CaptureOptions, ConfirmOptions, Currency, Customer, CustomerId, CustomerOptions,
    FindOptions, GetCustomerOptions, GetPaymentOptions, GetRefundOptions, Made, Money, Payment, PaymentId,
    PaymentMethod, PaymentOptions, PaymentProvider, PaymentStatus, Refund, RefundId, RefundOptions,
    operations,
};
use companyos_adapter_traits::{Capability, Context, Descriptor, Error, ErrorKind, Outcome};
use companyos_adapters::payments_stub::StubPayments;
use serde_json::{Value, json};

/// The longest that a request is under way: what a process that comes back waits before it looks.
pub(crate) const LONGEST: Duration = Duration::from_millis(12);

/// Serves the stub on a port of its own, and tells of every request when it comes in and when it is done.
///
/// Requests take a while before and after the effect, so that a kill finds them on either side; and every seventh
/// answer is thrown away after the effect.
pub(crate) fn serve(stub: StubPayments, told: Sender<()>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (count, told) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(told)));
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let (stub, count, told) = (stub.clone(), Arc::clone(&count), Arc::clone(&told));
            std::thread::spawn(move || {
                let number = count.fetch_add(1, Ordering::Relaxed);
                // A client that is gone is none of the provider's concern.
                drop(answer(&stub, connection, number, &told));
            });
        }
    });
    Ok(address)
}

fn answer(
    stub: &StubPayments,
    connection: TcpStream,
    number: u64,
    told: &Mutex<Sender<()>>,
) -> io::Result<()> {
    // Nobody listens once the test has seen enough.
    let tell = || {
        let _ = told.lock().unwrap_or_else(PoisonError::into_inner).send(());
    };
    let mut line = String::new();
    BufReader::new(&connection).read_line(&mut line)?;
    let request: Value = serde_json::from_str(&line)?;
    tell();
    std::thread::sleep(Duration::from_millis(number * 7 % 5));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let result = runtime.block_on(done(stub, &request));
    tell();
    std::thread::sleep(Duration::from_millis(number * 11 % 4));
    if number % 7 == 6 {
        return Ok(()); // The connection closes without an answer.
    }
    let answer = match result {
        Ok(None) => json!({}),
        Ok(Some(payment)) => json!({
            "id": payment.id.as_str(),
            "amount": payment.amount.to_string(),
            "succeeded": payment.status == PaymentStatus::Succeeded,
            "declined": payment.last_decline,
        }),
        Err(error) => match error.kind() {
            ErrorKind::Declined { code } => json!({ "declined": code }),
            other => json!({ "error": other.as_str() }),
        },
    };
    (&connection).write_all(format!("{answer}\n").as_bytes())
}

async fn done(stub: &StubPayments, request: &Value) -> Result<Option<Payment>, Error> {
    let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
    let ctx = Context::builder(text("tenant"), "eu").idempotency_key(text("key")).build();
    if request["amount"].is_null() {
        let found = stub.find_by_key(&ctx, &text("key"), &FindOptions::default()).await?;
        return found.map(Made::into_payment).transpose();
    }
    let options = PaymentOptions::default().method(PaymentMethod::new(text("method"))?);
    let options = options.metadata("key", text("key"));
    stub.create_payment(&ctx, text("amount").parse()?, &options).await.map(Some)
}

/// An adapter for that provider, as far as the test needs one.
#[derive(Debug)]
pub(crate) struct Remote {
    address: SocketAddr,
    descriptor: Descriptor,
}

impl Remote {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let descriptor = Descriptor::new("remote", "1").with_capabilities([Capability::FindByKey]);
        Self { address, descriptor }
    }

    async fn ask(&self, request: Value) -> Result<Option<Payment>, Error> {
        let address = self.address;
        let exchange = move || {
            let unavailable = |cause: io::Error, known| {
                Error::new(ErrorKind::Unavailable, "the provider is out of reach")
                    .with_outcome(known)
                    .with_source(cause)
            };
            let connection =
                TcpStream::connect(address).map_err(|cause| unavailable(cause, Outcome::NotSent))?;
            let broken = |cause| unavailable(cause, Outcome::MaybeSent);
            (&connection).write_all(format!("{request}\n").as_bytes()).map_err(broken)?;
            let mut line = String::new();
            BufReader::new(&connection).read_line(&mut line).map_err(broken)?;
            read(&line)
        };
        tokio::task::spawn_blocking(exchange).await.unwrap_or_else(|cause| {
            Err(Error::new(ErrorKind::Internal, "the exchange was dropped").with_source(cause))
        })
    }

    fn unsupported<T>(&self, operation: &'static str) -> Result<T, Error> {
        Err(Error::unsupported(operation, "remote"))
    }
}

fn read(line: &str) -> Result<Option<Payment>, Error> {
    let broken = |_| Error::new(ErrorKind::Unavailable, "the connection broke before the answer");
    let answer: Value = serde_json::from_str(line).map_err(broken)?;
    let Some(id) = answer["id"].as_str() else {
        return match (answer["declined"].as_str(), answer["error"].as_str()) {
            (Some(code), _) => Err(Error::new(ErrorKind::Declined { code: code.to_owned() }, "declined")),
            (_, Some(kind)) => Err(Error::new(ErrorKind::Internal, kind)),
            (None, None) => Ok(None),
        };
    };
    let amount = answer["amount"].as_str().unwrap_or_default().parse()?;
    let mut payment = Payment::new(PaymentId::new(id), amount, SystemTime::UNIX_EPOCH);
    payment.last_decline = answer["declined"].as_str().map(str::to_owned);
    if answer["succeeded"] == true {
        payment.status = PaymentStatus::Succeeded;
        (payment.authorised, payment.captured) = (amount, amount);
    }
    Ok(Some(payment))
}

#[async_trait]
impl PaymentProvider for Remote {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn create_payment(
        &self,
        ctx: &Context,
        amount: Money,
        options: &PaymentOptions,
    ) -> Result<Payment, Error> {
        let method = options.method.as_ref().map(PaymentMethod::as_str);
        let request = json!({
            "tenant": ctx.tenant, "key": ctx.idempotency_key, "amount": amount.to_string(), "method": method,
        });
        let nothing = || Error::new(ErrorKind::Internal, "the provider answered with nothing");
        self.ask(request).await?.ok_or_else(nothing)
    }

    async fn find_by_key(&self, ctx: &Context, key: &str, _: &FindOptions) -> Result<Option<Made>, Error> {
        let request = json!({ "tenant": ctx.tenant, "key": key });
        Ok(self.ask(request).await?.map(Made::Payment))
    }

    async fn create_customer(&self, _: &Context, _: &CustomerOptions) -> Result<Customer, Error> {
        self.unsupported(operations::CREATE_CUSTOMER)
    }

    async fn get_customer(
        &self,
        _: &Context,
        _: &CustomerId,
        _: &GetCustomerOptions,
    ) -> Result<Customer, Error> {
        self.unsupported(operations::GET_CUSTOMER)
    }

    async fn get_payment(&self, _: &Context, _: &PaymentId, _: &GetPaymentOptions) -> Result<Payment, Error> {
        self.unsupported(operations::GET)
    }

    async fn confirm_payment(
        &self,
        _: &Context,
        _: &PaymentId,
        _: &ConfirmOptions,
    ) -> Result<Payment, Error> {
        self.unsupported(operations::CONFIRM)
    }

    async fn capture_payment(
        &self,
        _: &Context,
        _: &PaymentId,
        _: &CaptureOptions,
    ) -> Result<Payment, Error> {
        self.unsupported(operations::CAPTURE)
    }

    async fn cancel_payment(&self, _: &Context, _: &PaymentId, _: &CancelOptions) -> Result<Payment, Error> {
        self.unsupported(operations::CANCEL)
    }

    async fn refund_payment(&self, _: &Context, _: &PaymentId, _: &RefundOptions) -> Result<Refund, Error> {
        self.unsupported(operations::REFUND)
    }

    async fn get_refund(&self, _: &Context, _: &RefundId, _: &GetRefundOptions) -> Result<Refund, Error> {
        self.unsupported(operations::GET_REFUND)
    }
}

/// How often each key was charged, and what all charges come to.
pub(crate) fn charges(stub: &StubPayments) -> Result<(BTreeMap<String, usize>, Money), Error> {
    let mut times = BTreeMap::new();
    let mut sum = Money::zero(Currency::EUR);
    for payment in stub.payments()?.into_iter().filter(|payment| payment.captured.is_positive()) {
        *times.entry(payment.metadata.get("key").cloned().unwrap_or_default()).or_default() += 1;
        sum = sum.plus(payment.captured)?;
    }
    Ok((times, sum))
}
