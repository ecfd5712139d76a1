//! What we attach and sign, in the hands of other people's tools.

use super::*;

#[tokio::test]
async fn skopeo_copies_the_image_with_its_evidence_and_keeps_every_digest() {
    let mut home = Home::attested();
    let copy = home.folder.path().join("copy");
    let platform = ["--override-arch", "amd64", "--override-os", "linux", "--insecure-policy"];
    // Debian's skopeo does not know `artifactType` in a list and writes that list anew; what the list names keeps its digests.
    let tags =
        [("1.2.3".to_owned(), &["--preserve-digests"][..]), (referrers::fallback_tag(&home.image), &[])];
    for (tag, keep) in tags {
        let from = format!("oci:{}:{tag}", home.layout.display());
        let to = format!("oci:{}:{tag}", copy.display());
        let arguments = [&platform[..], &["copy", "--all"], keep, &[&from, &to]].concat();
        if partner("skopeo", &arguments).await.is_none() {
            return;
        }
    }
    let before = home.judged(&home.image, 1).unwrap();
    home.layout = copy;
    assert_eq!(layout::read(&home.layout, Architecture::Amd64).unwrap().digest, home.image);
    assert_eq!(home.judged(&home.image, 1).unwrap(), before);
}

#[tokio::test]
async fn openssl_verifies_what_we_sign() {
    let home = Home::attested();
    let bundle = &referrers::of(&home.layout, &home.image, BUNDLE_BYTES_MAX).unwrap()[0].artifact.bytes;
    let bundle = Bundle::parse(bundle).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let file = home.folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        file.display().to_string()
    };
    let key = file("public.pem", home.key.public().to_pem().as_bytes());
    let signature = file("signature.der", &bundle.envelope.signature);
    let signed = file("signed", &pae(STATEMENT_TYPE, &bundle.envelope.payload));
    let arguments = ["dgst", "-sha256", "-verify", &key, "-signature", &signature, &signed];
    let Some(said) = partner("openssl", &arguments).await else { return };
    assert_eq!(String::from_utf8_lossy(&said).trim(), "Verified OK");
    // The name of a key is what openssl calls the digest of its public part.
    let der = home.folder.path().join("public.der").display().to_string();
    partner("openssl", &["pkey", "-pubin", "-in", &key, "-outform", "DER", "-out", &der]).await.unwrap();
    assert_eq!(Digest::of(&std::fs::read(der).unwrap()), *home.key.public().id());
}
