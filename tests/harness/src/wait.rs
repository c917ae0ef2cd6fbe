//! Waiting for a condition with a deadline. This is the one place of all tests that sleeps between two looks; a
//! test that needs something to have happened says what, and learns the last state when it did not.

use std::{
    fmt::Display,
    future::Future,
    time::{Duration, Instant},
};

use crate::die;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Asks `probe` until it answers `Ok`, and returns that. An `Err` is the state that was found instead.
///
/// # Errors
/// The last state, when the deadline passed. A probe that hangs is given up at the deadline too.
pub async fn try_wait_for<T, E, F, Fut>(deadline: Duration, what: &str, mut probe: F) -> anyhow::Result<T>
where
    E: Display,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut last = String::from("(no answer at all)");
    loop {
        let left = deadline.saturating_sub(began.elapsed());
        match tokio::time::timeout(left, probe()).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(state)) => last = format!("{state:#}"),
            Err(_) => {}
        }
        if began.elapsed() + pause >= deadline {
            anyhow::bail!("{what}: not within {deadline:?}; last state: {last}");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// [`try_wait_for`] for tests: panics with the last state when the deadline passes.
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn test(api: kube::Api<k8s_openapi::api::core::v1::ConfigMap>) {
/// hanse_harness::wait_for(Duration::from_secs(5), "the copy", || async {
///     let copy = api.get("settings").await?;
///     anyhow::ensure!(copy.data.is_some(), "no data yet: {copy:?}");
///     anyhow::Ok(copy)
/// })
/// .await;
/// # }
/// ```
pub async fn wait_for<T, E, F, Fut>(deadline: Duration, what: &str, probe: F) -> T
where
    E: Display,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    match try_wait_for(deadline, what, probe).await {
        Ok(found) => found,
        Err(error) => die(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_state_is_told_when_the_deadline_passes() {
        let mut looks = 0;
        let error = try_wait_for(Duration::from_millis(50), "three replicas", || {
            looks += 1;
            async { Err::<(), _>("two replicas") }
        })
        .await
        .unwrap_err();
        assert_eq!(error.to_string(), "three replicas: not within 50ms; last state: two replicas");
        assert!(looks > 1);
    }

    #[tokio::test]
    async fn a_probe_that_hangs_is_given_up_at_the_deadline() {
        let error =
            try_wait_for(Duration::from_millis(50), "an answer", std::future::pending::<Result<(), String>>)
                .await
                .unwrap_err();
        assert!(error.to_string().contains("no answer at all"), "{error}");
    }
}
