//! The exact words of Federation v2's `status.clusters[].status`.

use serde::{Deserialize, Deserializer, Serialize};

macro_rules! status_words {
    ($($(#[$meta:meta])* $word:ident),* $(,)?) => {
        /// What is in the way of one copy.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum StatusWord { $($(#[$meta])* $word),* }

        impl StatusWord {
            /// Every word.
            pub const ALL: &'static [Self] = &[$(Self::$word),*];

            /// As written.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => stringify!($word)),* }
            }
        }
    };
}

status_words! {
    /// The cluster is not ready.
    ClusterNotReady,
    /// Its cached state could not be read.
    CachedRetrievalFailed,
    /// Its object could not be read.
    RetrievalFailed,
    /// No client could be made for it.
    ClientRetrievalFailed,
    /// What belongs there could not be computed.
    ComputeResourceFailed,
    /// An override does not fit the template.
    ApplyOverridesFailed,
    /// What the member owns could not be kept.
    FieldRetentionFailed,
    /// The version that was sent last is not known.
    VersionRetrievalFailed,
    /// The member refused the creation.
    CreationFailed,
    /// The member refused the update.
    UpdateFailed,
    /// The member refused the deletion.
    DeletionFailed,
    /// The member refused the removal of the label.
    LabelRemovalFailed,
    /// Something of that name is there and is not ours to take.
    AlreadyExists,
    /// Its owner labelled it as not to be managed.
    ManagedLabelFalse,
    /// It is on its way out.
    WaitingForRemoval,
    /// The creation took too long.
    CreationTimedOut,
    /// The update took too long.
    UpdateTimedOut,
    /// The deletion took too long.
    DeletionTimedOut,
    /// The removal of the label took too long.
    LabelRemovalTimedOut,
}

impl StatusWord {
    /// Whether nothing will change before somebody changes something.
    #[must_use]
    pub const fn needs_a_change(self) -> bool {
        matches!(
            self,
            Self::ComputeResourceFailed
                | Self::ApplyOverridesFailed
                | Self::FieldRetentionFailed
                | Self::CreationFailed
                | Self::UpdateFailed
                | Self::DeletionFailed
                | Self::LabelRemovalFailed
                | Self::AlreadyExists
                | Self::ManagedLabelFalse
        )
    }
}

impl std::fmt::Display for StatusWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

pub(super) fn or_empty<'de, D: Deserializer<'de>>(input: D) -> Result<Option<StatusWord>, D::Error> {
    let text = String::deserialize(input)?;
    if text.is_empty() {
        return Ok(None);
    }
    StatusWord::ALL
        .iter()
        .find(|word| word.as_str() == text)
        .map(|word| Some(*word))
        .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not a status word")))
}
