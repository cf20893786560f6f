//! Authentication method references (RFC 8176): how somebody signed in.

/// Face recognition.
pub const FACE: &str = "face";
/// A fingerprint.
pub const FPT: &str = "fpt";
/// Where the person is.
pub const GEO: &str = "geo";
/// A key in hardware.
pub const HWK: &str = "hwk";
/// An iris scan.
pub const IRIS: &str = "iris";
/// Questions about what the person knows.
pub const KBA: &str = "kba";
/// More than one channel; not by itself more than one factor.
pub const MCA: &str = "mca";
/// More than one factor.
pub const MFA: &str = "mfa";
/// A one-time password.
pub const OTP: &str = "otp";
/// A PIN or a pattern that unlocks a key.
pub const PIN: &str = "pin";
/// A password.
pub const PWD: &str = "pwd";
/// A judgement of risk.
pub const RBA: &str = "rba";
/// A retina scan.
pub const RETINA: &str = "retina";
/// A smart card.
pub const SC: &str = "sc";
/// A message to a telephone.
pub const SMS: &str = "sms";
/// A key in software.
pub const SWK: &str = "swk";
/// A telephone call.
pub const TEL: &str = "tel";
/// A test of the person's presence.
pub const USER: &str = "user";
/// A voice print.
pub const VBM: &str = "vbm";
/// Windows integrated authentication.
pub const WIA: &str = "wia";

/// What a method proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Factor {
    /// Something the person knows.
    Knowledge,
    /// Something the person has.
    Possession,
    /// Something the person is.
    Inherence,
}

/// The factor a method is, and `None` for what is no factor by itself or not registered.
#[must_use]
pub fn factor(method: &str) -> Option<Factor> {
    match method {
        PWD | PIN | KBA => Some(Factor::Knowledge),
        HWK | SWK | OTP | SC | SMS | TEL => Some(Factor::Possession),
        FACE | FPT | IRIS | RETINA | VBM => Some(Factor::Inherence),
        _ => None,
    }
}

/// Whether the methods show more than one factor: `mfa` says so, or two of them are of different factors. Two
/// passwords are one factor, and so are a message and a smart card.
///
/// ```
/// use companyos_adapter_traits::identity::amr::is_multi_factor;
///
/// assert!(is_multi_factor(&["pwd", "otp"]));
/// assert!(is_multi_factor(&["mfa"]));
/// assert!(!is_multi_factor(&["pwd", "pin", "mca", "geo"]));
/// ```
#[must_use]
pub fn is_multi_factor<S: AsRef<str>>(methods: &[S]) -> bool {
    let mut factors = methods.iter().filter_map(|method| factor(method.as_ref()));
    let first = factors.next();
    methods.iter().any(|method| method.as_ref() == MFA) || factors.any(|other| Some(other) != first)
}
