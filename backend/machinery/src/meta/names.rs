//! What names may be, in the words in which a client is told that one may not.

/// Most characters of a generated name.
const LONGEST_GENERATED: usize = 63;
/// Characters of the generated end.
const SUFFIX: usize = 5;
/// No vowels and nothing that looks like something else.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A name from its beginning and entropy.
#[must_use]
pub fn generate(base: &str, entropy: u64) -> String {
    let end = base
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= LONGEST_GENERATED - SUFFIX);
    let mut name = base.get(..end.last().unwrap_or(0)).unwrap_or_default().to_owned();
    let mut rest = entropy;
    for _ in 0..SUFFIX {
        let letters = ALPHABET.len() as u64;
        let index = usize::try_from(rest % letters).unwrap_or_default();
        name.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'x')));
        rest /= letters;
    }
    name
}

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

fn regex(message: &str, examples: &[&str], pattern: &str) -> String {
    let examples: Vec<String> = examples.iter().map(|example| format!("'{example}', ")).collect();
    format!("{message} (e.g. {}regex used for validation is '{pattern}')", examples.join(" or "))
}

fn is_label(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && edge(text.bytes().next())
        && edge(text.bytes().last())
}

/// Names are measured in characters, keys and values of labels in bytes: so apiservers say.
fn too_long(text: &str, most: usize, unit: &str) -> Option<String> {
    (text.len() > most).then(|| format!("must be no more than {most} {unit}"))
}

/// What is wrong with a DNS-1123 label.
#[must_use]
pub fn label_faults(name: &str) -> Vec<String> {
    let mut faults: Vec<String> = too_long(name, 63, "characters").into_iter().collect();
    if !is_label(name) && name.split('.').all(is_label) {
        faults.push("must not contain dots".to_owned());
    } else if !is_label(name) {
        let message = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
                       start and end with an alphanumeric character";
        faults.push(regex(message, &["my-name", "123-abc"], LABEL));
    }
    faults
}

/// What is wrong with a DNS-1123 subdomain.
#[must_use]
pub fn subdomain_faults(name: &str) -> Vec<String> {
    subdomain_faults_in(name, "characters")
}

fn subdomain_faults_in(name: &str, unit: &str) -> Vec<String> {
    let mut faults: Vec<String> = too_long(name, 253, unit).into_iter().collect();
    if !name.split('.').all(is_label) {
        let message = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
                       and must start and end with an alphanumeric character";
        faults.push(regex(message, &["example.com"], &format!("{LABEL}(\\.{LABEL})*")));
    }
    faults
}

/// What is wrong with a name that only has to fit into a path.
#[must_use]
pub fn path_faults(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    ["/", "%"]
        .iter()
        .filter(|part| name.contains(**part))
        .map(|part| format!("may not contain '{part}'"))
        .collect()
}

const KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const KEY_WORDS: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                         alphanumeric character";

fn is_key(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric());
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && edge(text.bytes().next())
        && edge(text.bytes().last())
}

/// What is wrong with the key of a label or annotation, or with a finalizer.
#[must_use]
pub fn key_faults(key: &str) -> Vec<String> {
    let examples = ["MyName", "my.name", "123-abc"];
    let mut faults = Vec::new();
    let name = match key.split('/').collect::<Vec<_>>().as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                faults.push("prefix part must be non-empty".to_owned());
            } else {
                faults.extend(
                    subdomain_faults_in(prefix, "bytes")
                        .into_iter()
                        .map(|fault| format!("prefix part {fault}")),
                );
            }
            *name
        }
        _ => {
            let words = regex(KEY_WORDS, &examples, KEY);
            return vec![format!(
                "a valid label key {words} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        faults.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_key(name) {
        faults.push(format!("name part {}", regex(KEY_WORDS, &examples, KEY)));
    }
    faults
}

/// What is wrong with the value of a label.
#[must_use]
pub fn value_faults(value: &str) -> Vec<String> {
    let mut faults: Vec<String> = too_long(value, 63, "bytes").into_iter().collect();
    if !value.is_empty() && !is_key(value) {
        let message =
            format!("a valid label must be an empty string or {}", KEY_WORDS.trim_start_matches("must "));
        let pattern = format!("({KEY})?");
        faults.push(regex(&message, &["MyValue", "my_value", "12345"], &pattern));
    }
    faults
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn generated_names_are_names(base in "[a-z][a-z0-9-]{0,80}", entropy: u64) {
            let name = generate(&base, entropy);
            prop_assert!(label_faults(&name).is_empty(), "{name}");
            prop_assert_ne!(generate(&base, entropy), generate(&base, entropy ^ 1));
        }
    }

    #[test]
    fn messages_show_examples_and_the_pattern() {
        assert_eq!(
            subdomain_faults("A"),
            [
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                 must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                 '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            ]
        );
        assert!(key_faults("example.com/a_b").is_empty());
        assert_eq!(key_faults("/a"), ["prefix part must be non-empty"]);
    }
}
