//! The embedded platform: shims, supervisor and proxy on one machine (DESIGN §5).

pub mod proxy;
