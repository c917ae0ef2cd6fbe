//! The credential of a kubeconfig's user. Whatever runs a program, reads a file or needs a person is refused: Hanse must
//! be able to use the credential by itself, for as long as the cluster is a member.

use super::{
    Credential, Secret,
    parse::{FLATTEN, KubeconfigError},
    pem,
    tree::Node,
};

const OWN_CREDENTIAL: &str = "Give Hanse a credential of its own: a service account's token \
     (`kubectl create token <account> -n <namespace> --duration=8760h`) or a client certificate.";

pub(super) fn credential(user: &Node<'_>) -> Result<Credential, KubeconfigError> {
    let refuse = |key: &str, message: &str, fix: &str| -> Result<(), KubeconfigError> {
        if user.has(key) { Err(KubeconfigError::at(&user.child_path(key), message, fix)) } else { Ok(()) }
    };
    refuse("exec", "signs in by running a program, which Hanse does not do", OWN_CREDENTIAL)?;
    refuse("auth-provider", "signs in through a provider plugin, which Hanse does not run", OWN_CREDENTIAL)?;
    for key in ["as", "as-uid", "as-groups", "as-user-extra"] {
        refuse(key, "impersonates somebody, which is not supported here", OWN_CREDENTIAL)?;
    }
    for key in ["tokenFile", "token-file"] {
        if user.has(key) {
            let message = "names a file, which only your machine has";
            return Err(KubeconfigError::at(
                &user.child_path(key),
                message,
                format!("Put the file's content in `token`. {FLATTEN}"),
            ));
        }
    }

    let certificate = client_certificate(user)?;
    let token = token(user)?;
    let basic = basic(user)?;
    if token.is_some() && basic.is_some() {
        return Err(KubeconfigError::at(
            user.path(),
            "holds both a token and a user name with password",
            "Keep the one that the cluster accepts.",
        ));
    }
    // An API server looks at the certificate before it looks at the token: so do we.
    certificate.or(token).or(basic).ok_or_else(|| {
        KubeconfigError::at(
            user.path(),
            "holds no credential",
            "Give a token, or a client certificate with its key.",
        )
    })
}

fn client_certificate(user: &Node<'_>) -> Result<Option<Credential>, KubeconfigError> {
    let data = |key: &str, file: &str| -> Result<Option<String>, KubeconfigError> {
        match user.text(key)?.filter(|data| !data.is_empty()) {
            Some(data) => Ok(Some(data)),
            None => user.refuse_file(file).map(|()| None),
        }
    };
    let certificate = data("client-certificate-data", "client-certificate")?;
    let key = data("client-key-data", "client-key")?;
    let (certificate_path, key_path) =
        (user.child_path("client-certificate-data"), user.child_path("client-key-data"));
    let missing = |path: &str, other: &str| {
        KubeconfigError::at(path, format!("is missing although {other} is there"), FLATTEN)
    };
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(missing(&key_path, "client-certificate-data")),
        (None, Some(_)) => Err(missing(&certificate_path, "client-key-data")),
        (Some(certificate), Some(key)) => {
            let certificate = pem::certificates(&certificate_path, &certificate)?;
            let key = pem::key(&key_path, &key)?;
            pem::pair(&key_path, &certificate, &key)?;
            Ok(Some(Credential::ClientCertificate { certificate, key: Secret::new(key) }))
        }
    }
}

fn token(user: &Node<'_>) -> Result<Option<Credential>, KubeconfigError> {
    let Some(token) = user.text("token")? else { return Ok(None) };
    let token = token.trim();
    if token.is_empty() {
        return Ok(None);
    }
    let wrong = |message: &str, fix: &str| Err(KubeconfigError::at(&user.child_path("token"), message, fix));
    if token == "REDACTED" {
        return wrong(
            "is left out",
            "Print the kubeconfig with its secrets: `kubectl config view --flatten --minify --raw`.",
        );
    }
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return wrong("holds spaces or characters that a token cannot have", "Copy the token again, whole.");
    }
    Ok(Some(Credential::Token { token: Secret::new(token) }))
}

fn basic(user: &Node<'_>) -> Result<Option<Credential>, KubeconfigError> {
    let Some(username) = user.text("username")?.filter(|name| !name.is_empty()) else { return Ok(None) };
    if username.contains(':') || username.chars().any(char::is_control) {
        return Err(KubeconfigError::at(
            &user.child_path("username"),
            "holds a colon or control character, which a user name cannot have",
            "Copy the user name again.",
        ));
    }
    let password = user.text("password")?.unwrap_or_default();
    Ok(Some(Credential::Basic { username, password: Secret::new(password) }))
}
