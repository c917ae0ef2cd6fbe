//! Validated names. A value of these types has been checked once; nothing further in checks again.

use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

/// Why a name was refused; the sentence says what a good one looks like.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{what} {value:?} {why}")]
pub struct NameError {
    what: &'static str,
    value: String,
    why: &'static str,
}

/// A word outside a closed vocabulary.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not a known word here")]
pub struct UnknownWord(pub String);

/// RFC 1123 label, the grammar of a Kubernetes namespace: 1–63 of `a-z 0-9 -`, an alphanumeric at both ends.
fn label(what: &'static str, value: &str) -> Result<(), NameError> {
    let refuse = |why| Err(NameError { what, value: value.chars().take(80).collect(), why });
    if value.is_empty() {
        return refuse("is empty: give 1 to 63 characters");
    }
    if value.len() > 63 {
        return refuse("is longer than 63 characters");
    }
    if !value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return refuse("may hold only lower-case letters, digits and '-'");
    }
    if value.starts_with('-') || value.ends_with('-') {
        return refuse("must start and end with a letter or digit");
    }
    Ok(())
}

fn project(what: &'static str, value: &str) -> Result<(), NameError> {
    label(what, value)?;
    let reserved = value == "default" || value.starts_with("kube-") || value.starts_with("hanse-");
    if reserved {
        return Err(NameError {
            what,
            value: value.to_owned(),
            why: "is reserved: a project's name is its namespace's name, and 'default', 'kube-…' and 'hanse-…' belong to the clusters",
        });
    }
    Ok(())
}

/// User names also allow '.' and '_' (so that account names from elsewhere fit), never at an end.
fn user(what: &'static str, value: &str) -> Result<(), NameError> {
    let refuse = |why| Err(NameError { what, value: value.chars().take(80).collect(), why });
    if value.is_empty() || value.len() > 63 {
        return refuse("must have 1 to 63 characters");
    }
    let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_');
    if !value.bytes().all(ok) {
        return refuse("may hold only lower-case letters, digits, '-', '.' and '_'");
    }
    let end = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    if !end(value.bytes().next()) || !end(value.bytes().last()) {
        return refuse("must start and end with a letter or digit");
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$meta:meta])* $name:ident($what:literal, $check:path)),* $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        #[serde(transparent)]
        pub struct $name(String);
        impl $name {
            /// Checks and wraps a name.
            ///
            /// # Errors
            /// When the grammar is not met; the error's sentence says what to change.
            pub fn parse(value: impl Into<String>) -> Result<Self, NameError> {
                let value = value.into();
                $check($what, &value)?;
                Ok(Self(value))
            }
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
        }
        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(s: &str) -> Result<Self, Self::Err> { Self::parse(s) }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str { &self.0 }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String { name.0 }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(d)?).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

names! {
    /// Any RFC 1123 label (roles, tokens and the like).
    Name("name", label),
    /// A user's name, unique on the platform.
    UserName("user name", user),
    /// A workspace's name, unique on the platform.
    WorkspaceName("workspace name", label),
    /// A project's name, unique on the platform because it is the namespace's name in every member.
    ProjectName("project name", project),
    /// A cluster's name, unique on the platform.
    ClusterName("cluster name", label),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reserved_namespaces_are_no_project_names() {
        for name in ["default", "kube-system", "kube-x", "hanse-system"] {
            assert!(ProjectName::parse(name).is_err(), "{name}");
        }
        assert!(ProjectName::parse("kubeless").is_ok());
    }

    #[test]
    fn a_refusal_says_what_to_change() {
        let error = ClusterName::parse("Edge_1").unwrap_err();
        assert_eq!(
            error.to_string(),
            "cluster name \"Edge_1\" may hold only lower-case letters, digits and '-'"
        );
    }

    proptest! {
        #[test]
        fn accepted_names_are_rfc1123_labels(text in "\\PC{0,70}") {
            if let Ok(name) = Name::parse(text.clone()) {
                prop_assert_eq!(name.as_str(), &text);
                prop_assert!(!text.is_empty() && text.len() <= 63);
                prop_assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            }
        }

        #[test]
        fn good_labels_are_accepted(text in "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?") {
            prop_assert!(Name::parse(text).is_ok());
        }
    }
}
