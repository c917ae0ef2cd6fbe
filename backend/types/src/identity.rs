//! People: setup, sign-in, accounts, personal access tokens.

use chrono::{DateTime, Utc};

use crate::{
    id::{TokenId, UserId},
    macros::{answer, request, words},
    name::{Name, UserName},
    patch::Patch,
};

words! {
    /// State of an account.
    pub enum UserState {
        /// May sign in.
        Active = "active",
        /// May not sign in; sessions and tokens have ended.
        Disabled = "disabled",
        /// Too many failed attempts; opens by itself or by an administrator.
        Locked = "locked",
        /// Made by an invitation that has not been accepted.
        Invited = "invited",
    }
    /// Languages of the console.
    pub enum Language {
        /// English.
        En = "en",
        /// Simplified Chinese.
        ZhCn = "zh-CN",
    }
}

request! {
    /// Makes the first administrator; possible once, with the one-time token of the printed link.
    pub struct SetupRequest {
        /// One-time token out of the setup link.
        pub token: String,
        /// Name of the first administrator.
        pub name: UserName,
        /// Shown name.
        #[serde(default)]
        pub display_name: Option<String>,
        /// 8–128 characters; refused when common or containing the user name.
        pub password: String,
        /// URL under which people and agents reach this server; tested from the server.
        #[serde(default)]
        pub advertised_url: Option<String>,
        /// Language of the administrator's console.
        #[serde(default)]
        pub language: Option<Language>,
    }

    /// Tests the URL to be advertised, from the server.
    pub struct UrlTest {
        /// One-time token out of the setup link.
        pub token: String,
        /// The URL to test.
        pub url: String,
    }

    /// Signs a browser in.
    pub struct SignIn {
        /// User name.
        pub name: String,
        /// Password.
        pub password: String,
    }

    /// A new account.
    pub struct UserCreate {
        /// Unique name.
        pub name: UserName,
        /// Shown name.
        #[serde(default)]
        pub display_name: Option<String>,
        /// E-mail address.
        #[serde(default)]
        pub email: Option<String>,
        /// First password; the person is expected to change it.
        pub password: String,
        /// Platform roles to bind, by name. Needs every permission that they give.
        #[serde(default)]
        pub roles: Vec<Name>,
        /// Language of the console.
        #[serde(default)]
        pub language: Option<Language>,
    }

    /// Changes to an account; what is absent stays.
    pub struct UserUpdate {
        /// Shown name.
        #[serde(default, skip_serializing_if = "Patch::is_absent")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
        pub display_name: Patch<String>,
        /// E-mail address.
        #[serde(default, skip_serializing_if = "Patch::is_absent")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
        pub email: Patch<String>,
        /// Language of the console.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub language: Option<Language>,
        /// `active` or `disabled`; never of one's own account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub state: Option<UserState>,
        /// Platform roles, replacing those bound now; never of one's own account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub roles: Option<Vec<Name>>,
    }

    /// Changes one's own password.
    pub struct PasswordChange {
        /// The password in force.
        pub current: String,
        /// The new one.
        pub new: String,
    }

    /// A new personal access token.
    pub struct TokenCreate {
        /// Unique among the person's tokens.
        pub name: Name,
        /// Days until it expires, 1–366; 90 when absent.
        #[serde(default)]
        pub expires_in_days: Option<u32>,
        /// Permissions it may use, at most those of its owner; absent = all of its owner's.
        #[serde(default)]
        pub permissions: Option<Vec<String>>,
    }
}

answer! {
    /// Whether setup is still to be done.
    pub struct SetupState {
        /// True until the first administrator exists.
        pub needed: bool,
        /// Version of the server.
        pub version: String,
    }

    /// What testing a URL found.
    pub struct UrlTestResult {
        /// Whether the server reached itself there.
        pub reachable: bool,
        /// What was seen, and what to do when it was not reachable.
        pub message: String,
    }

    /// An account.
    pub struct User {
        /// Stable id.
        pub id: UserId,
        /// Unique name.
        pub name: UserName,
        /// Shown name.
        pub display_name: Option<String>,
        /// E-mail address.
        pub email: Option<String>,
        /// State of the account.
        pub state: UserState,
        /// Language of the console.
        pub language: Option<Language>,
        /// Platform roles.
        pub roles: Vec<Name>,
        /// When it was made.
        pub created_at: DateTime<Utc>,
        /// Last successful sign-in.
        pub last_sign_in_at: Option<DateTime<Utc>>,
    }

    /// A personal access token, without its secret.
    pub struct Token {
        /// Stable id.
        pub id: TokenId,
        /// Name among the owner's tokens.
        pub name: Name,
        /// Permissions it is limited to; absent = all of its owner's.
        pub permissions: Option<Vec<String>>,
        /// When it was made.
        pub created_at: DateTime<Utc>,
        /// When it ends.
        pub expires_at: DateTime<Utc>,
        /// Last use, to the minute.
        pub last_used_at: Option<DateTime<Utc>>,
    }

    /// A token just made: the only time that its secret is shown.
    pub struct TokenCreated {
        /// The token.
        pub token: Token,
        /// `hanse_…`; cannot be read again.
        pub secret: String,
    }
}
