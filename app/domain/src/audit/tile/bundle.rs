//! The entries under a tile of level 0: each with its length before it, two bytes, the higher first.

use crate::audit::MAX_ENTRY_BYTES;

/// The longest bundle: 256 entries of 65,535 bytes. Whoever fetches one stops there.
pub const BUNDLE_BYTES: usize = 256 * (2 + MAX_ENTRY_BYTES);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    #[error("the bundle ends inside entry {entry} (counted from 0 within it), after {bytes} bytes")]
    Ends { entry: usize, bytes: usize },
    #[error("the bundle should have {expected} entries and has {given}")]
    Few { expected: u16, given: usize },
    #[error("the bundle should have {expected} entries; {bytes} bytes follow after them")]
    Follows { expected: u16, bytes: usize },
    #[error("an entry has {0} bytes, at most {MAX_ENTRY_BYTES} fit")]
    Long(usize),
}

/// Writes entries one after the other.
pub fn bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, BundleError> {
    let mut out = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).map_err(|_| BundleError::Long(entry.len()))?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(entry);
    }
    Ok(out)
}

/// The entries of a bundle with this width, nothing more and nothing less. They are not copied.
pub fn entries(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, BundleError> {
    let mut found = Vec::with_capacity(usize::from(width.min(super::FULL)));
    let mut rest = bytes;
    while found.len() < usize::from(width) && !rest.is_empty() {
        let ends = BundleError::Ends { entry: found.len(), bytes: bytes.len() };
        let (length, after) = rest.split_first_chunk::<2>().ok_or(ends)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, after) = after.split_at_checked(length).ok_or(ends)?;
        found.push(entry);
        rest = after;
    }
    if found.len() < usize::from(width) {
        return Err(BundleError::Few { expected: width, given: found.len() });
    }
    if !rest.is_empty() {
        return Err(BundleError::Follows { expected: width, bytes: rest.len() });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn given_entries_then_each_has_its_length_before_it() {
        let long = vec![7; MAX_ENTRY_BYTES];
        let all: [&[u8]; 3] = [b"one", b"", &long];
        let bytes = bundle(all).expect("they fit");
        assert_eq!(&bytes[..7], b"\x00\x03one\x00\x00");
        assert_eq!(entries(&bytes, 3), Ok(all.to_vec()));
        assert_eq!(bundle([&vec![0; MAX_ENTRY_BYTES + 1][..]]), Err(BundleError::Long(65_536)));
    }

    #[test]
    fn given_a_bundle_of_another_length_then_it_is_refused() {
        let bytes = bundle([&b"one"[..], b"two"]).expect("they fit");
        assert_eq!(entries(&bytes, 3), Err(BundleError::Few { expected: 3, given: 2 }));
        assert_eq!(entries(&bytes, 1), Err(BundleError::Follows { expected: 1, bytes: 5 }));
        assert_eq!(entries(&bytes[..9], 2), Err(BundleError::Ends { entry: 1, bytes: 9 }));
        assert_eq!(entries(&bytes[..6], 2), Err(BundleError::Ends { entry: 1, bytes: 6 }));
        assert_eq!(entries(&[], 0), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn bundles_survive_being_written_and_read(all in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20)) {
            let bytes = bundle(all.iter().map(Vec::as_slice)).expect("they fit");
            let read = entries(&bytes, all.len() as u16).expect("as written");
            prop_assert_eq!(read, all.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
    }
}
