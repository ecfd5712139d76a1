//! Registries: images by digest from one place to another, with what is signed of them.
//!
//! A place is an OCI layout (`oci:DIR[:TAG]`) or a registry (`HOST[:PORT]/NAME[:TAG][@DIGEST]`). A tag is resolved once; from then on
//! only digests count. Children are written first, then the image, then what refers to it, and the tag last, so that nothing
//! half-published is ever under a tag. Protocol: OCI distribution-spec 1.1. Reading names, challenges and credentials is in every
//! build; what opens connections needs the feature `registry`. Decisions 0044 and 0045.

pub mod challenge;
#[cfg(feature = "registry")]
pub mod client;
#[cfg(feature = "registry")]
pub mod copying;
pub mod credentials;
#[cfg(feature = "registry")]
mod fallback;
pub mod limits;
#[cfg(feature = "registry")]
mod places;
pub mod reference;
pub mod retry;
#[cfg(feature = "registry")]
mod stream;
#[cfg(feature = "registry")]
mod wire;
