//! Every retry rule of the SDK, proven against the server that misbehaves on purpose.
//!
//! Each rule holds over real sockets and through the in-process transport, on a clock the test moves. What the SDK
//! tells of its attempts must agree with what the server saw of them.

mod effects;
mod rig;
mod rules;
mod timing;
