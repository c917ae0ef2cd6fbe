//! Which cluster has which port of its own. The server chooses; why, and what is served there: `docs/decisions/ports.md`.

use hanse_store::{Tx, clusters as rows};

use crate::{
    Platform,
    error::{Error, Result},
};

/// Takes a port for a cluster that is being made or changed in this transaction.
///
/// # Errors
/// `conflict` when the configured range holds none, or none any more.
pub(crate) async fn take(platform: &Platform, tx: &mut Tx) -> Result<u16> {
    let configured = &platform.config.ports.range;
    let Some(range) = configured.ports() else {
        return Err(Error::conflict(
            "fixedPort: this server gives clusters no ports of their own: set range of [ports]",
        ));
    };
    rows::allocate_port(tx, range).await?.ok_or_else(|| {
        Error::conflict(format!(
            "fixedPort: every port of {configured} is a cluster's: take one away from another cluster, or widen range \
             of [ports]"
        ))
    })
}
