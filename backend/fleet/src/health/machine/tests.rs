use proptest::prelude::*;

use super::*;

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

fn good() -> Observation {
    Observation::Answered {
        latency: Duration::from_millis(3),
        skew: Some(TimeDelta::zero()),
        ready: Ok(()),
        credential: Ok(()),
        identity: None,
    }
}

fn not_ready() -> Observation {
    Observation::Answered {
        latency: Duration::from_millis(3),
        skew: None,
        ready: Err("etcd failed".to_owned()),
        credential: Ok(()),
        identity: None,
    }
}

fn refused() -> Observation {
    Observation::Answered {
        latency: Duration::from_millis(3),
        skew: None,
        ready: Ok(()),
        credential: Err("token expired".to_owned()),
        identity: None,
    }
}

fn lost() -> Observation {
    Observation::Failed { reason: "Timeout", message: "No answer within 3 s.".to_owned() }
}

fn machine() -> Machine {
    Machine::new(HealthOptions::default(), start())
}

fn ready() -> Machine {
    let mut machine = machine();
    machine.observe(at(0), good());
    machine
}

fn status(machine: &Machine, type_: &str) -> (String, String) {
    let condition = machine.health().condition(type_).unwrap();
    (condition.status.clone(), condition.reason.clone())
}

fn word(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[test]
fn the_first_answer_makes_a_new_cluster_ready() {
    assert_eq!(machine().health().phase, ClusterPhase::Pending);
    let machine = ready();
    assert_eq!(machine.health().phase, ClusterPhase::Ready);
    assert_eq!(status(&machine, "Ready"), word("True", "Ready"));
    assert_eq!(machine.health().last_seen_at, Some(at(0)));
}

#[test]
fn two_lost_probes_change_nothing_and_a_third_does() {
    let mut machine = ready();
    let before = machine.health().clone();
    machine.observe(at(5), lost());
    machine.observe(at(6), lost());
    assert!(!machine.health().differs_from(&before));
    machine.observe(at(7), lost());
    assert_eq!(machine.health().phase, ClusterPhase::Unreachable);
    assert_eq!(status(&machine, "Ready"), word("Unknown", "ClusterUnreachable"));
    assert_eq!(status(&machine, "Reachable"), word("False", "Timeout"));
    let message = &machine.health().condition("Reachable").unwrap().message;
    assert!(message.contains("It last answered at 2023-11-14 22:13:20 UTC"), "{message}");
    assert_eq!(machine.health().last_seen_at, Some(at(0)));
}

#[test]
fn failures_must_follow_each_other_to_count() {
    let mut machine = ready();
    for i in 0..50 {
        machine.observe(at(i), if i % 3 == 2 { good() } else { lost() });
        assert_eq!(machine.health().phase, ClusterPhase::Ready);
    }
}

#[test]
fn one_answer_brings_a_cluster_back() {
    let mut machine = ready();
    (5..8).for_each(|i| machine.observe(at(i), lost()));
    machine.observe(at(9), good());
    assert_eq!(machine.health().phase, ClusterPhase::Ready);
    assert_eq!(machine.health().condition("Ready").unwrap().last_transition_time, at(9));
}

#[test]
fn a_cluster_that_comes_and_goes_must_be_steady_before_it_is_ready_again() {
    let mut machine = ready();
    for round in 0..3 {
        (0..3).for_each(|i| machine.observe(at(10 * round + i), lost()));
        machine.observe(at(10 * round + 5), good());
    }
    assert_eq!(machine.health().phase, ClusterPhase::NotReady);
    assert_eq!(status(&machine, "Ready"), word("False", "Unsteady"));
    machine.observe(at(30), good());
    assert_eq!(machine.health().phase, ClusterPhase::NotReady);
    machine.observe(at(31), good());
    assert_eq!(machine.health().phase, ClusterPhase::Ready);

    // Falls are forgotten.
    (1000..1003).for_each(|i| machine.observe(at(i), lost()));
    machine.observe(at(1004), good());
    assert_eq!(machine.health().phase, ClusterPhase::Ready);
}

#[test]
fn one_answer_of_not_ready_changes_nothing_and_a_second_does() {
    let mut machine = ready();
    machine.observe(at(5), not_ready());
    assert_eq!(machine.health().phase, ClusterPhase::Ready);
    machine.observe(at(6), not_ready());
    assert_eq!(machine.health().phase, ClusterPhase::NotReady);
    assert_eq!(status(&machine, "Ready"), word("False", "NotReady"));
    assert_eq!(status(&machine, "Reachable"), word("True", "Answers"));
}

#[test]
fn a_refused_credential_is_named() {
    let mut machine = ready();
    machine.observe(at(5), refused());
    machine.observe(at(6), refused());
    assert_eq!(machine.health().phase, ClusterPhase::NotReady);
    assert_eq!(status(&machine, "CredentialValid"), word("False", "Refused"));
    machine.observe(at(7), good());
    assert_eq!(status(&machine, "CredentialValid"), word("True", "Accepted"));
}

#[test]
fn a_credential_that_is_about_to_end_is_told_in_three_steps() {
    let day = 86_400;
    let mut machine = machine().credential_ends(Some(at(40 * day)));
    for (days, reason) in
        [(1, "Accepted"), (11, "EndsWithinAMonth"), (34, "EndsWithinAWeek"), (39, "EndsWithinADay")]
    {
        machine.observe(at(days * day + 60), good());
        assert_eq!(status(&machine, "CredentialValid"), word("True", reason));
    }
    let message = &machine.health().condition("CredentialValid").unwrap().message;
    assert!(message.contains("2023-12-24 22:13 UTC"), "{message}");
}

#[test]
fn another_cluster_at_the_same_address_is_never_ready() {
    let mut machine = ready();
    (5..8).for_each(|i| machine.observe(at(i), lost()));
    let mut other = good();
    if let Observation::Answered { identity, .. } = &mut other {
        *identity = Some(Err("kube-system has another uid".to_owned()));
    }
    machine.observe(at(9), other);
    assert_eq!(machine.health().phase, ClusterPhase::NotReady);
    assert_eq!(status(&machine, "Ready"), word("False", "AnotherCluster"));
    machine.observe(at(10), good());
    assert_eq!(machine.health().phase, ClusterPhase::NotReady, "not asked again, so not confirmed");
}

#[test]
fn a_wrong_clock_is_said_with_its_side() {
    let mut machine = ready();
    let mut skewed = good();
    if let Observation::Answered { skew, .. } = &mut skewed {
        *skew = Some(TimeDelta::seconds(-95));
    }
    machine.observe(at(5), skewed);
    assert_eq!(machine.health().phase, ClusterPhase::Ready);
    assert_eq!(status(&machine, "ClockSynchronized"), word("False", "ClocksDiffer"));
    let message = &machine.health().condition("ClockSynchronized").unwrap().message;
    assert!(message.contains("95 s behind ours"), "{message}");
}

#[test]
fn a_first_failure_is_confirmed_soon_and_a_dead_cluster_is_asked_less_often() {
    let options = HealthOptions::default();
    let mut machine = ready();
    assert_eq!(machine.pause(), options.interval);
    machine.observe(at(5), lost());
    assert_eq!(machine.pause(), options.confirm);
    machine.observe(at(6), lost());
    machine.observe(at(7), lost());
    assert_eq!(machine.pause(), options.away);
}

proptest! {
    #[test]
    fn phases_change_only_as_the_thresholds_allow(steps in proptest::collection::vec(0_u8..4, 1..200)) {
        let options = HealthOptions::default();
        let mut machine = machine();
        let (mut lost_in_a_row, mut refused_in_a_row) = (0_u32, 0_u32);
        for (i, step) in steps.into_iter().enumerate() {
            let before = machine.health().clone();
            let now = at(i64::try_from(i).unwrap() + 1);
            let seen = match step { 0 => lost(), 1 => not_ready(), 2 => refused(), _ => good() };
            lost_in_a_row = if step == 0 { lost_in_a_row + 1 } else { 0 };
            refused_in_a_row = if step == 1 || step == 2 { refused_in_a_row + 1 } else { 0 };
            machine.observe(now, seen);
            let after = machine.health();

            if after.phase == ClusterPhase::Unreachable {
                prop_assert!(before.phase == ClusterPhase::Unreachable || lost_in_a_row >= options.failures);
            }
            if before.phase == ClusterPhase::Ready && after.phase == ClusterPhase::NotReady {
                prop_assert!(refused_in_a_row >= options.refusals);
            }
            if after.phase == ClusterPhase::Ready && before.phase != ClusterPhase::Ready {
                prop_assert_eq!(step, 3);
            }
            let ready = after.condition("Ready").unwrap();
            prop_assert_eq!(ready.status == "True", after.phase == ClusterPhase::Ready);
            for (old, new) in before.conditions.iter().zip(&after.conditions) {
                let moved = old.last_transition_time != new.last_transition_time;
                prop_assert_eq!(moved, old.status != new.status, "{}", new.type_);
            }
        }
    }
}
