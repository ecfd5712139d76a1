//! Whether an OpenPGP private key is encrypted: by its first packet (RFC 9580, 5.5.3), whose public part is stepped over. What
//! cannot be read counts as plain: the worse of the two.

use super::base64;

const SECRET_KEY: u8 = 5;

/// Whether the armoured block's key needs a passphrase.
pub(super) fn is_encrypted(block: &[u8]) -> bool {
    packets(block).and_then(|bytes| protection(&bytes)).is_some_and(|how| how != 0)
}

/// The bytes behind the armour's headers, up to its checksum.
fn packets(block: &[u8]) -> Option<Vec<u8>> {
    // A string writes a line end as `\n`.
    let text = String::from_utf8_lossy(block).replace("\\r", "").replace("\\n", "\n");
    let lines = text.lines().map(|line| line.trim().trim_matches(['"', '\'', ',', '+', ' ']));
    let body = lines
        .skip_while(|line| line.is_empty() || line.contains(": "))
        .take_while(|line| !line.starts_with('='));
    base64::decode(body.collect::<String>().as_bytes())
}

/// The octet that says how the secret part is protected; 0 is not at all.
fn protection(bytes: &[u8]) -> Option<u8> {
    let (tag, rest) = bytes.split_first()?;
    let (kind, header) = match (tag & 0x40 != 0, tag & 3) {
        (true, _) => {
            (tag & 0x3f, [1, 2, 5][usize::from(rest.first()? / 192) + usize::from(*rest.first()? == 255)])
        }
        (false, length) => (tag >> 2 & 0x0f, [1, 2, 4, 0][usize::from(length)]),
    };
    let body = rest.get(header..)?;
    let [version @ (4 | 6), _, _, _, _, algorithm, fields @ ..] = body else { return None };
    if kind != SECRET_KEY {
        return None;
    }
    if *version == 6 {
        let length = u32::from_be_bytes(fields.get(..4)?.try_into().ok()?);
        return fields.get(4..)?.get(usize::try_from(length).ok()?).copied();
    }
    let mut at = 0;
    let parts: &[Part] = match algorithm {
        1..=3 => &[Part::Number; 2],
        16 => &[Part::Number; 3],
        17 => &[Part::Number; 4],
        18 => &[Part::Bytes, Part::Number, Part::Bytes],
        19 | 22 => &[Part::Bytes, Part::Number],
        25 | 27 => &[Part::Fixed(32)],
        _ => return None,
    };
    for part in parts {
        at += match part {
            Part::Number => {
                2 + usize::from(u16::from_be_bytes([*fields.get(at)?, *fields.get(at + 1)?])).div_ceil(8)
            }
            Part::Bytes => 1 + usize::from(*fields.get(at)?),
            Part::Fixed(length) => *length,
        };
    }
    fields.get(at).copied()
}

/// What a public part is made of.
#[derive(Clone, Copy)]
enum Part {
    /// Its bits in two octets, then the number.
    Number,
    /// Its length in one octet, then the bytes.
    Bytes,
    /// So many bytes.
    Fixed(usize),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A packet of this header and public part, protected so.
    fn block(header: &[u8], public: &[u8], how: u8) -> String {
        let bytes = [header, &[4, 1, 2, 3, 4], public, &[how, 9, 9, 9, 9, 9]].concat();
        format!("\nVersion: GnuPG v2\nComment: a\n\n{}\n=abcd\n", base64::encode(&bytes))
    }

    #[test]
    fn the_octet_behind_the_public_part_decides() {
        let number = |bits: u16| [&bits.to_be_bytes()[..], &vec![7; usize::from(bits).div_ceil(8)]].concat();
        let rsa = [vec![1], number(2048), number(17)].concat();
        let dsa = [vec![17], number(1024), number(160), number(1024), number(1023)].concat();
        let ed25519 = [vec![22, 3, 1, 2, 3], number(263)].concat();
        let ecdh = [vec![18, 3, 1, 2, 3], number(263), vec![3, 1, 8, 7]].concat();
        let new25519 = [vec![27], vec![5; 32]].concat();
        for public in [&rsa, &dsa, &ed25519, &ecdh, &new25519] {
            for header in
                [&[0x95, 1, 0][..], &[0x94, 9], &[0xc5, 100], &[0xc5, 200, 1], &[0xc5, 255, 0, 0, 1, 0]]
            {
                assert!(!is_encrypted(block(header, public, 0).as_bytes()), "{public:?} {header:?}");
                for how in [254, 255, 253, 9] {
                    let text = block(header, public, how);
                    assert!(is_encrypted(text.as_bytes()), "{public:?} {header:?}");
                    assert!(is_encrypted(text.replace('\n', "\\n").as_bytes()));
                }
            }
        }
        assert!(!is_encrypted(block(&[0x99, 1, 0], &rsa, 254).as_bytes()), "a public key");
        assert!(!is_encrypted(b"") && !is_encrypted(b"\n\nMIIE\n"));
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..200), head in any::<[u8; 2]>()) {
            let all = [&[0x95, head[0], head[1], 4, 0, 0, 0, 0][..], &bytes].concat();
            is_encrypted(base64::encode(&all).as_bytes());
            is_encrypted(&bytes);
            prop_assert!(true);
        }
    }
}
