//! The same of each step in turn: it fails, it is done twice.

use super::*;
use std::collections::BTreeSet;

fn ids() -> Vec<StepId> {
    saga().plan.steps.iter().map(|step| step.id).collect()
}

/// Begins and settles what is due on this side until nothing is, and writes down what that brought about.
fn carried(mut saga: Saga, fails: Option<StepId>, twice: bool, world: &mut BTreeSet<StepId>) -> Saga {
    loop {
        let side = if saga.phase == Phase::Undoing { Side::Undo } else { Side::Do };
        let Some(id) = begins(&saga, 1).first().copied() else { return saga };
        let token = saga.token;
        saga = seen(saga, Observation::Begin { step: id, side }, token, 1);
        let failed = fails == Some(id) && side == Side::Do;
        let reply = answer(id, side, &saga, if failed { refused() } else { done() });
        if !failed {
            // A step brings its effect about once, however often it is told.
            match side {
                Side::Do => world.insert(id),
                Side::Undo => world.remove(&id),
            };
        }
        let version = seen(saga.clone(), reply.clone(), token, 1).version;
        saga = seen(saga, reply.clone(), token, 1);
        assert_eq!(saga.version, version);
        if twice {
            saga = seen(saga, reply, token, 1);
            assert_eq!(saga.version, version, "an answer that comes twice changes nothing");
            let again = saga.observe(Observation::Begin { step: id, side }, token, at(1), Dice(0.0));
            assert!(again.is_err() || failed, "what is settled is not begun again: {again:?}");
        }
    }
}

#[test]
fn given_a_step_that_fails_when_it_is_each_in_turn_then_that_one_is_named_and_undoing_leaves_the_world_as_it_was() {
    for id in ids() {
        let mut world = BTreeSet::new();
        let saga = carried(saga(), Some(id), false, &mut world);
        assert_eq!(status(&saga, id), Status::Failed, "step {id}");
        let others = saga.plan.steps.iter().filter(|step| step.id != id && status(&saga, step.id) == Status::Failed);
        assert_eq!(others.count(), 0, "step {id} alone");
        let standing = saga.standing();
        assert_eq!(standing.needs.iter().map(|stuck| stuck.step).collect::<Vec<_>>(), [id]);
        let title = &saga.step(id).expect("is there").title;
        assert_eq!(&standing.needs[0].title, title);
        let saga = told(saga, Command::Compensate { reason: "the other way".into() }, 2);
        let saga = carried(saga, None, false, &mut world);
        assert!(saga.ended(), "step {id}: {}", saga.standing().sentence);
        let left: Vec<&Step> =
            world.iter().filter_map(|id| saga.step(*id)).filter(|step| step.undo.is_some()).collect();
        assert!(left.is_empty(), "step {id}: {left:?} is still in the world");
    }
}

#[test]
fn given_every_answer_twice_and_every_undo_twice_then_the_end_is_the_same() {
    let (mut once, mut twice) = (BTreeSet::new(), BTreeSet::new());
    let plain = carried(saga(), None, false, &mut once);
    let doubled = carried(saga(), None, true, &mut twice);
    assert_eq!((plain.clone(), once), (doubled, twice));
    assert_eq!(plain.phase, Phase::Ended(Outcome::Complete));
    let undone = |doubled| {
        let saga = run(saga(), "Prove", 1);
        let mut world: BTreeSet<StepId> = ids().into_iter().filter(|id| status(&saga, *id) == Status::Done).collect();
        let saga = told(saga, Command::Compensate { reason: "the other way".into() }, 2);
        (carried(saga, None, doubled, &mut world), world)
    };
    let (saga, left) = undone(true);
    assert_eq!((saga.clone(), left.clone()), undone(false));
    assert_eq!(saga.phase, Phase::Ended(Outcome::Undone));
    let with = |wanted: &dyn Fn(&Step) -> bool| -> Vec<StepId> {
        saga.plan.steps.iter().filter(|step| wanted(step)).map(|step| step.id).collect()
    };
    let twice = with(&|step| saga.track(step.id, Side::Undo).expect("exists").status == Status::Done);
    assert_eq!(twice, with(&|step| step.undo.is_some()), "each that can be undone was, of all components");
    assert!(twice.len() >= 10, "the traffic and the deployment of five: {twice:?}");
    let stays = with(&|step| step.undo.is_none() && status(&saga, step.id) == Status::Done);
    assert_eq!(left.into_iter().collect::<Vec<_>>(), stays, "nothing else is left in the world");
}
