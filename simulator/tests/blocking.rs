//! The component for WASI 0.2, tortured.

use std::num::NonZero;

use tandem_simulator::torture::{Report, Torture};

fn run(torture: Torture) -> Report {
    torture.blocking().run(|_| {}).expect("a component that can be used")
}

#[test]
fn a_bounded_run_of_the_blocking_component_finds_no_violation() {
    let report = run(Torture::new().states(1_000));
    assert!(report.violations.is_empty(), "{:#?}", report.violations.first());
    assert!(report.counts.states >= 1_000);
    assert!(report.counts.faults > 0, "{:?}", report.counts);
}

#[test]
fn threads_change_nothing_for_the_blocking_component() {
    let of = |threads| {
        let threads = NonZero::new(threads).expect("a number");
        run(Torture::new().states(300).seed(5).threads(threads))
    };
    let one = of(1);
    assert!(one.counts.units >= 6, "{:?}", one.counts);
    assert_eq!(of(2), one);
    assert_eq!(of(3), one);
}

#[test]
fn each_component_is_refused_in_the_world_of_the_other() {
    for (torture, component, sentence) in [
        (
            Torture::new(),
            tandem_host::SYNC_COMPONENT,
            "it is the component for WASI 0.2, not the one for WASI 0.3",
        ),
        (
            Torture::new().blocking(),
            tandem_host::COMPONENT,
            "it is the component for WASI 0.3, not the one for WASI 0.2",
        ),
    ] {
        let torture = torture.states(1).component(component.to_vec());
        let error = torture.run(|_| {}).expect_err("the other component");
        let cause = std::error::Error::source(&error).expect("a cause");
        assert_eq!(cause.to_string(), sentence);
    }
}
