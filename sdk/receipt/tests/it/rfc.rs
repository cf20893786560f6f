//! Vectors from the standards themselves.

use companyos_receipt::key::{KeySet, thumbprint};
use companyos_receipt::sdjwt::Disclosure;
use companyos_receipt::tlog::{Hash, empty_root, leaf_hash, root_of};

use crate::fixture::b64url;

/// RFC 9901 section 5.1: disclosures and their digests. They are hashed as transported, blanks and all.
#[test]
fn disclosures_hash_as_in_rfc_9901() {
    let vectors = [
        (
            r#"["2GLC42sKQveCfGfryNRN9w", "given_name", "John"]"#,
            "jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4",
        ),
        (
            r#"["eluV5Og3gSNII8EYnsxA_A", "family_name", "Doe"]"#,
            "TGf4oLbgwd5JQaHyKVQZU9UdGE0w5rtDsrZzfUaomLo",
        ),
        (
            r#"["6Ij7tM-a5iVPGboS5tmvVA", "email", "johndoe@example.com"]"#,
            "JzYjH4svliH0R3PyEMfeZu6Jt69u5qehZo7F7EPYlSE",
        ),
    ];
    for (json, digest) in vectors {
        assert_eq!(Disclosure::digest(&b64url(json)), digest, "{json}");
    }
    let disclosure = Disclosure::parse(&b64url(vectors[0].0)).unwrap();
    assert_eq!(
        (disclosure.salt.as_str(), disclosure.name.as_str()),
        ("2GLC42sKQveCfGfryNRN9w", "given_name")
    );
    assert_eq!(disclosure.value, "John");
}

/// RFC 8037 appendix A.3, its key from appendix A.2.
#[test]
fn thumbprints_are_those_of_rfc_8037() {
    let set = KeySet::from_jwks(
        br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}]}"#,
    )
    .unwrap();
    let key = set.get("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k").unwrap();
    assert_eq!(thumbprint(key.public_key()), key.key_id());
}

/// The tree of the Certificate Transparency reference implementation, one root for each size.
#[test]
fn roots_are_those_of_certificate_transparency() {
    let leaves: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    for (size, root) in roots.iter().enumerate() {
        assert_eq!(format!("{:?}", root_of(&hashes[..size])), *root, "of {size} leaves");
    }
    assert_eq!(empty_root(), root_of(&[]));
}
