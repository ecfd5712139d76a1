//! OCI images: layers, config, manifest, digests. Bytes in, bytes out.
