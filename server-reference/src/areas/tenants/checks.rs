//! The rules of every single value, as functions over borrowed text.
//!
//! The bulk import applies them to cells, a million rows a second, without building any type; the
//! types of `model` apply the same ones.

use std::borrow::Cow;

/// Most characters of an external id.
pub const EXTERNAL_ID_MAX: usize = 128;
/// Most characters of a name.
pub const NAME_MAX: usize = 200;
/// Most characters of an e-mail address.
pub const EMAIL_MAX: usize = 254;
/// Most labels of a tenant.
pub const LABELS_MAX: usize = 32;
/// Most characters of a label's name.
pub const LABEL_NAME_MAX: usize = 63;
/// Most characters of a label's value.
pub const LABEL_VALUE_MAX: usize = 256;
/// Most characters of a region's name.
pub const REGION_MAX: usize = 32;

/// Why a value was refused: a machine-readable code and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Machine-readable reason, such as `too-long`.
    pub code: &'static str,
    /// A sentence that says what is wrong and what would be right.
    pub detail: Cow<'static, str>,
}

impl Invalid {
    fn new(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// Checks an external id: 1 to [`EXTERNAL_ID_MAX`] characters, none of them a control character.
///
/// # Errors
/// [`Invalid`] with code `required`, `too-long` or `control-character`.
pub fn check_external_id(value: &str) -> Result<(), Invalid> {
    check_line("external id", value, EXTERNAL_ID_MAX)
}

/// Checks a display name: 1 to [`NAME_MAX`] characters, none of them a control character.
///
/// # Errors
/// [`Invalid`] with code `required`, `too-long` or `control-character`.
pub fn check_name(value: &str) -> Result<(), Invalid> {
    check_line("name", value, NAME_MAX)
}

/// Checks an e-mail address as far as that is sensible: one `@` with something on both sides and
/// no white space. Whether it receives mail is only known by sending some.
///
/// # Errors
/// [`Invalid`] with code `too-long`, `control-character` or `email-invalid`.
pub fn check_email(value: &str) -> Result<(), Invalid> {
    check_line("e-mail address", value, EMAIL_MAX)?;
    let well_formed = value
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    let spaced = if value.is_ascii() {
        value.as_bytes().contains(&b' ')
    } else {
        // U+FEFF is white space to ECMA-262, hence to the contract's pattern, not to Unicode.
        value.contains(|c: char| c.is_whitespace() || c == '\u{feff}')
    };
    if !well_formed || spaced {
        return Err(Invalid::new("email-invalid", "An e-mail address looks like name@example.com."));
    }
    Ok(())
}

/// Checks the form of a region's name, such as `us-east-1`. Whether it is served is a matter of
/// [`Regions`].
///
/// # Errors
/// [`Invalid`] with code `region-invalid`.
pub fn check_region(value: &str) -> Result<(), Invalid> {
    let mut parts = value.split('-');
    let country = parts.next().unwrap_or_default();
    let number = parts.next_back().unwrap_or_default();
    let lower = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let mut places = 0_usize;
    let well_formed = value.len() <= REGION_MAX
        && country.len() == 2
        && lower(country)
        && number.len() == 1
        && number.bytes().all(|b| b.is_ascii_digit())
        && parts.all(|part| {
            places += 1;
            lower(part)
        });
    if !well_formed || places == 0 {
        return Err(Invalid::new("region-invalid", "A region looks like us-east-1."));
    }
    Ok(())
}

/// Checks a label's name: a lower-case letter, then up to 62 of `a-z 0-9 _ . -`.
///
/// # Errors
/// [`Invalid`] with code `label-invalid`.
pub fn check_label_name(name: &str) -> Result<(), Invalid> {
    let mut bytes = name.bytes();
    let well_formed = name.len() <= LABEL_NAME_MAX
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-'));
    if !well_formed {
        return Err(Invalid::new(
            "label-invalid",
            "A label's name is a lower-case letter followed by up to 62 of a-z 0-9 _ . -",
        ));
    }
    Ok(())
}

/// Checks a label's value: up to [`LABEL_VALUE_MAX`] characters without U+0000, which PostgreSQL
/// cannot store.
///
/// # Errors
/// [`Invalid`] with code `too-long` or `control-character`.
pub fn check_label_value(value: &str) -> Result<(), Invalid> {
    if longer_than(value, LABEL_VALUE_MAX) {
        return Err(too_long("label's value", LABEL_VALUE_MAX));
    }
    if value.as_bytes().contains(&0) {
        return Err(Invalid::new("control-character", "A label's value must not contain U+0000."));
    }
    Ok(())
}

/// Checks how many labels there are.
///
/// # Errors
/// [`Invalid`] with code `too-many-labels`.
pub fn check_label_count(count: usize) -> Result<(), Invalid> {
    if count > LABELS_MAX {
        return Err(Invalid::new(
            "too-many-labels",
            format!("There are {count} labels; a tenant has at most {LABELS_MAX}."),
        ));
    }
    Ok(())
}

fn check_line(what: &str, value: &str, max: usize) -> Result<(), Invalid> {
    if value.is_empty() {
        return Err(Invalid::new("required", format!("The {what} is empty.")));
    }
    if longer_than(value, max) {
        return Err(too_long(what, max));
    }
    // No early exit: the loop without one is vectorised, and nearly all values are clean.
    if value.bytes().fold(false, |found, b| found | (b < 0x20) | (b == 0x7f)) {
        return Err(Invalid::new(
            "control-character",
            format!("The {what} contains a control character, such as a line break or a tab."),
        ));
    }
    Ok(())
}

fn longer_than(value: &str, max: usize) -> bool {
    value.len() > max && value.chars().count() > max
}

fn too_long(what: &str, max: usize) -> Invalid {
    Invalid::new("too-long", format!("The {what} is longer than {max} characters."))
}

/// The regions this server serves, and the one a tenant gets when none is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regions {
    home: String,
    others: Vec<String>,
}

impl Regions {
    /// The home region and any further ones.
    pub fn new(home: impl Into<String>, others: impl IntoIterator<Item = String>) -> Self {
        let home = home.into();
        let others = others.into_iter().filter(|region| *region != home).collect();
        Self { home, others }
    }

    /// The region of a tenant whose creator names none.
    pub fn home(&self) -> &str {
        &self.home
    }

    /// Whether tenants can live in `region` here.
    pub fn serves(&self, region: &str) -> bool {
        self.home == region || self.others.iter().any(|other| other == region)
    }

    /// Checks the form of a region's name and that it is served.
    ///
    /// # Errors
    /// [`Invalid`] with code `region-invalid` or `region-not-served`.
    pub fn check(&self, region: &str) -> Result<(), Invalid> {
        if self.serves(region) {
            return Ok(());
        }
        check_region(region)?;
        let mut served = self.home.clone();
        for other in &self.others {
            served.push_str(", ");
            served.push_str(other);
        }
        Err(Invalid::new("region-not-served", format!("This server serves {served}, not {region}.")))
    }
}
