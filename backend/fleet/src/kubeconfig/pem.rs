//! Certificates and keys of a kubeconfig: base64 around PEM around DER, each layer with its own sentence when wrong.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::parse::KubeconfigError;

const AS_WRITTEN: &str =
    "Copy the field again, whole: `kubectl config view --flatten --minify --raw` prints it.";

/// PEM text of a base64 field.
fn decode(path: &str, data: &str) -> Result<String, KubeconfigError> {
    let compact: String = data.chars().filter(|c| !c.is_whitespace()).collect();
    if compact == "DATA+OMITTED" || compact == "REDACTED" {
        return Err(KubeconfigError::at(
            path,
            "is left out",
            "Print the kubeconfig with its secrets: `kubectl config view --flatten --minify --raw`.",
        ));
    }
    let bytes = STANDARD
        .decode(compact.as_bytes())
        .map_err(|_| KubeconfigError::at(path, "not valid base64", AS_WRITTEN))?;
    String::from_utf8(bytes).map_err(|_| KubeconfigError::at(path, "is not PEM text inside", AS_WRITTEN))
}

/// Checks a field of certificates and gives its PEM.
pub(super) fn certificates(path: &str, data: &str) -> Result<String, KubeconfigError> {
    let text = decode(path, data)?;
    let mut count = 0_usize;
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        count += 1;
        let readable = certificate.is_ok_and(|der| {
            x509_parser::parse_x509_certificate(&der).is_ok_and(|(rest, _)| rest.is_empty())
        });
        if !readable {
            return Err(KubeconfigError::at(
                path,
                format!("its certificate {count} cannot be read"),
                AS_WRITTEN,
            ));
        }
    }
    if count == 0 {
        return Err(KubeconfigError::at(path, "holds no PEM certificate", AS_WRITTEN));
    }
    Ok(text)
}

/// Checks a key field and gives its PEM.
pub(super) fn key(path: &str, data: &str) -> Result<String, KubeconfigError> {
    let text = decode(path, data)?;
    if text.contains("ENCRYPTED") {
        return Err(KubeconfigError::at(
            path,
            "is a key under a passphrase",
            "Give the key without passphrase: `openssl pkey -in key.pem`.",
        ));
    }
    PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| KubeconfigError::at(path, "holds no PEM private key", AS_WRITTEN))?;
    Ok(text)
}

/// Checks that a certificate and a key belong together.
pub(super) fn pair(key_path: &str, certificate: &str, key: &str) -> Result<(), KubeconfigError> {
    crate::connector::tls::identity(certificate, key).map(|_| ()).map_err(|message| {
        KubeconfigError::at(key_path, message, "Give the certificate and the key of one user.")
    })
}
