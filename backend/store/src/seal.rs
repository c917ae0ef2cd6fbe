//! Secrets at rest: AES-256-GCM under a named key, bound to what they belong to, so that a sealed value moved to another
//! row does not open. The first key seals; all of them open, which is how keys are rotated.

use std::{fmt, io::Write as _, path::Path};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use thiserror::Error;

use crate::error::StoreError;

/// Why a value was not sealed or opened.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SealError {
    /// The key that sealed it is not in the key file.
    #[error("it was sealed with key {0:?}, which is not in the key file: add it back")]
    UnknownKey(String),
    /// It was altered, or belongs to something else, or the key of that name is another.
    #[error("it does not open with key {0:?}: it was altered, or the key of that name is another")]
    DoesNotOpen(String),
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    NoRandomness,
    /// The key file cannot be used.
    #[error("the key file {path}: {reason}")]
    KeyFile {
        /// Where it is.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

/// A sealed value and the key that opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Name of the key.
    pub key_id: String,
    /// Nonce and ciphertext.
    pub bytes: Vec<u8>,
}

/// The keys, current one first.
pub struct Keyring {
    keys: Vec<(String, LessSafeKey)>,
    /// Made from the current key; for telling whether two texts are the same without keeping either.
    fingerprint: hmac::Key,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

impl Keyring {
    /// Reads a key file: one `id:base64-of-32-bytes` per line, the first being current. Makes it, readable by its owner
    /// only, when it does not exist.
    ///
    /// # Errors
    /// When it can be neither read nor made, or a line does not fit.
    pub fn load_or_create(path: &Path) -> Result<Self, SealError> {
        let fault = |reason: String| SealError::KeyFile { path: path.display().to_string(), reason };
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_err(fault),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut key = [0_u8; 32];
                SystemRandom::new().fill(&mut key).map_err(|_| SealError::NoRandomness)?;
                let text = format!("k1:{}\n", STANDARD.encode(key));
                let mut options = std::fs::OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut file = options.open(path).map_err(|e| fault(e.to_string()))?;
                file.write_all(text.as_bytes())
                    .and_then(|()| file.sync_all())
                    .map_err(|e| fault(e.to_string()))?;
                Self::parse(&text).map_err(fault)
            }
            Err(error) => Err(fault(error.to_string())),
        }
    }

    /// Parses the lines of a key file.
    ///
    /// # Errors
    /// A sentence with the line's number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys: Vec<(String, LessSafeKey)> = Vec::new();
        let mut fingerprint = None;
        for (number, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = number + 1;
            let (id, encoded) = line.split_once(':').ok_or(format!("line {number} is not id:key"))?;
            let bytes = STANDARD
                .decode(encoded.trim())
                .map_err(|_| format!("line {number}: the key is not base64"))?;
            let key = UnboundKey::new(&AES_256_GCM, &bytes)
                .map_err(|_| format!("line {number}: the key has {} bytes, not 32", bytes.len()))?;
            if keys.iter().any(|(known, _)| known == id) {
                return Err(format!("line {number}: key {id:?} is there twice"));
            }
            // Derived, so that no key serves two purposes.
            fingerprint.get_or_insert_with(|| {
                let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), b"hanse fingerprint");
                hmac::Key::new(hmac::HMAC_SHA256, own.as_ref())
            });
            keys.push((id.to_owned(), LessSafeKey::new(key)));
        }
        let fingerprint = fingerprint.ok_or("it holds no key")?;
        Ok(Self { keys, fingerprint })
    }

    /// Name of the key that seals.
    #[must_use]
    pub fn current(&self) -> &str {
        self.keys.first().map_or("", |(id, _)| id)
    }

    /// Tells a text from others to who has the key, and nothing to anybody else: with a plain hash, whoever reads the
    /// database could try passwords against it.
    #[must_use]
    pub fn fingerprint(&self, text: &[u8]) -> String {
        hex::encode(hmac::sign(&self.fingerprint, text))
    }

    /// Seals a value for what it belongs to.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&self, belongs_to: &str, plain: &[u8]) -> Result<Sealed, SealError> {
        let (id, key) = self.keys.first().ok_or(SealError::NoRandomness)?;
        let mut nonce = [0_u8; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let mut bytes = plain.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(belongs_to.as_bytes()),
            &mut bytes,
        )
        .map_err(|_| SealError::NoRandomness)?;
        let mut sealed = nonce.to_vec();
        sealed.append(&mut bytes);
        Ok(Sealed { key_id: id.clone(), bytes: sealed })
    }

    /// Opens a value sealed for the same thing.
    ///
    /// # Errors
    /// When the key is missing or the value does not open.
    pub fn open(&self, belongs_to: &str, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        let (_, key) = self
            .keys
            .iter()
            .find(|(id, _)| *id == sealed.key_id)
            .ok_or_else(|| SealError::UnknownKey(sealed.key_id.clone()))?;
        let shut = || SealError::DoesNotOpen(sealed.key_id.clone());
        let (nonce, bytes) = sealed.bytes.split_at_checked(NONCE_LEN).ok_or_else(shut)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| shut())?;
        let mut bytes = bytes.to_vec();
        let plain =
            key.open_in_place(nonce, Aad::from(belongs_to.as_bytes()), &mut bytes).map_err(|_| shut())?;
        Ok(plain.to_vec())
    }

    pub(crate) fn open_json<T: serde::de::DeserializeOwned>(
        &self,
        belongs_to: &str,
        sealed: &Sealed,
    ) -> Result<T, StoreError> {
        let plain = self.open(belongs_to, sealed)?;
        serde_json::from_slice(&plain).map_err(|_| StoreError::corrupt("secret", "it is not what was sealed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, byte: u8) -> String {
        format!("{id}:{}\n", STANDARD.encode([byte; 32]))
    }

    #[test]
    fn what_is_sealed_opens_for_the_same_thing_only() {
        let keys = Keyring::parse(&line("a", 1)).unwrap();
        let sealed = keys.seal("cluster/1", b"geheim").unwrap();
        assert!(!sealed.bytes.windows(6).any(|w| w == b"geheim"));
        assert_eq!(keys.open("cluster/1", &sealed).unwrap(), b"geheim");
        assert_eq!(keys.open("cluster/2", &sealed), Err(SealError::DoesNotOpen("a".into())));
    }

    #[test]
    fn an_older_key_still_opens_and_a_missing_one_is_named() {
        let sealed = Keyring::parse(&line("a", 1)).unwrap().seal("x", b"1").unwrap();
        let rotated = Keyring::parse(&[line("b", 2), line("a", 1)].concat()).unwrap();
        assert_eq!(rotated.current(), "b");
        assert_eq!(rotated.open("x", &sealed).unwrap(), b"1");
        let without = Keyring::parse(&line("b", 2)).unwrap();
        assert_eq!(without.open("x", &sealed), Err(SealError::UnknownKey("a".into())));
    }

    #[test]
    fn a_bad_key_file_names_the_line() {
        for (text, expected) in [("", "no key"), ("a", "line 1"), ("a:!!", "line 1"), ("a:AAAA", "not 32")] {
            let error = Keyring::parse(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_new_key_file_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let sealed = Keyring::load_or_create(&path).unwrap().seal("x", b"1").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Keyring::load_or_create(&path).unwrap().open("x", &sealed).unwrap(), b"1");
    }
}
