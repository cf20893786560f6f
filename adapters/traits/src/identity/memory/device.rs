//! Device flows.

use super::state::{Answer, Device, State};
use super::{DEVICE_INTERVAL, DEVICE_LIFETIME, MemoryIdentity, refuse};
use crate::identity::{DeviceAuthorization, DevicePoll, DevicePollOptions, DeviceStartOptions, url};
use crate::{Error, ErrorKind, Secret};

/// The flow that waits for an answer under this code.
pub(super) fn waiting<'s>(state: &'s mut State, user_code: &Secret) -> Result<&'s mut Device, Error> {
    let device = state.devices.values_mut().find(|device| user_code.matches(&device.user_code));
    device
        .filter(|device| matches!(device.answer, Answer::None))
        .ok_or_else(|| refuse("no device flow waits under this code"))
}

impl MemoryIdentity {
    pub(super) fn start(&self, options: &DeviceStartOptions) -> DeviceAuthorization {
        let mut state = self.lock();
        let (code, drawn) = (state.draw(&self.config), state.draw(&self.config));
        // Eight letters in two groups, as RFC 8628, section 6.1 has them; a few letters stand for more than one
        // value, which matters to nobody here.
        let letters = drawn.bytes().map(|byte| char::from(b"BCDFGHJKLMNPQRSTVWXZ"[usize::from(byte % 20)]));
        let letters: Vec<char> = letters.take(8).collect();
        let (first, second) = letters.split_at(4);
        let user_code = format!("{}-{}", String::from_iter(first), String::from_iter(second));
        let device = Device {
            user_code: user_code.clone(),
            scopes: super::flows::with_openid(&options.scopes),
            expires: self.clock.wall() + DEVICE_LIFETIME,
            polled: None,
            answer: Answer::None,
        };
        state.devices.insert(code.clone(), device);
        let uri = format!("{}/device", self.config.issuer);
        let complete = url::with_query(&uri, &[("user_code", &user_code)]);
        let mut flow =
            DeviceAuthorization::new(Secret::new(code), Secret::new(user_code), uri, DEVICE_LIFETIME);
        flow.verification_uri_complete = Some(Secret::new(complete));
        flow.interval = DEVICE_INTERVAL;
        flow
    }

    pub(super) fn poll(
        &self,
        device_code: &Secret,
        options: &DevicePollOptions,
    ) -> Result<DevicePoll, Error> {
        let now = self.clock.wall();
        let refused = |code, why: &str| Error::new(ErrorKind::GrantRefused, why).with_provider_code(code);
        let mut state = self.lock();
        let device = state.devices.get_mut(device_code.expose());
        let device = device.ok_or_else(|| refused("invalid_grant", "the device code is not known"))?;
        if now >= device.expires {
            return Err(refused("expired_token", "the device code has expired"));
        }
        let grant = match device.answer.clone() {
            Answer::None => {
                let ready = device.polled.is_none_or(|polled| now >= polled + DEVICE_INTERVAL);
                device.polled = Some(now);
                return Ok(DevicePoll::Pending { slow_down: !ready });
            }
            Answer::Denied => {
                let error = Error::new(ErrorKind::PermissionDenied, "the person refused");
                return Err(error.with_provider_code("access_denied"));
            }
            Answer::Approved(grant) => grant,
        };
        state.devices.remove(device_code.expose());
        let tokens = self.grant(&mut state, &grant, now);
        drop(state);
        let requirement = options.authentication.clone();
        self.verified(tokens, |expected| expected.authentication(requirement))
            .map(|tokens| DevicePoll::Done(Box::new(tokens)))
    }
}
