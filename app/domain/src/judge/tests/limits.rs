//! Hard limits and their timers.

use super::*;

#[test]
fn given_a_hard_limit_then_its_timer_runs_pauses_and_fires() {
    let policy = limited(Metric::Errors, Bound::Above(0.05), 60);
    let mut run = Run::new(Policy { guards: vec![], ..policy });
    let verdict = run.times(3, HEALTHY, BROKEN);
    assert_eq!((verdict.kind, verdict.limits[0].elapsed), (VerdictKind::Suspect, Span::from_secs(30)));
    assert_eq!(verdict.next, "If it stays like this, fails in about 30\u{a0}s.");
    for _ in 0..5 {
        let silent = run.goes_down();
        assert_eq!(silent.kind, VerdictKind::ProviderDown);
        assert_eq!((silent.limits[0].elapsed, silent.limits[0].paused), (Span::from_secs(30), true));
    }
    assert_eq!(run.times(2, HEALTHY, BROKEN).kind, VerdictKind::Suspect);
    let fired = run.tick(HEALTHY, BROKEN);
    assert_eq!((fired.kind, fired.decided_by), (VerdictKind::Fail, Some(Metric::Errors)));
    assert_eq!(fired.sentence, "Errors 20.00\u{a0}%. Hard limit: above 5.00\u{a0}% for 1:00, broken for 1:00.");
}

#[test]
fn given_a_clean_window_then_the_timer_of_a_hard_limit_begins_anew() {
    let mut run = Run::new(limited(Metric::Errors, Bound::AboveBaseline(10.0), 600));
    let broken = run.times(3, HEALTHY, BROKEN);
    assert_eq!(broken.limits[0].elapsed, Span::from_secs(30));
    let clean = run.times(40, HEALTHY, CANARY);
    assert_eq!((clean.limits[0].breached, clean.limits[0].elapsed), (false, Span::ZERO));
    assert_eq!(clean.kind, VerdictKind::Pass);
}

#[test]
fn given_a_new_stage_then_a_few_clean_readings_do_not_clear_a_running_timer() {
    let mut run = Run::new(limited(Metric::Errors, Bound::Above(0.05), 600));
    assert_eq!(run.times(6, HEALTHY, BROKEN).limits[0].elapsed, Span::from_secs(60));
    run.policy.stage = 1;
    let elapsed = |verdict: Verdict| verdict.limits[0].elapsed;
    assert_eq!(elapsed(run.times(10, HEALTHY, CANARY)), Span::from_secs(60), "the window is not half full");
    assert_eq!(elapsed(run.times(10, HEALTHY, CANARY)), Span::ZERO);
}
