//! Which component is played in which world. What torture finds is tested through the program.

use tandem_simulator::torture::Torture;

#[test]
fn each_component_is_refused_in_the_world_of_the_other() {
    for (torture, component, sentence) in [
        (
            Torture::new(),
            tandem_components::TANDEM_BLOCKING,
            "it is the component for WASI 0.2, not the one for WASI 0.3",
        ),
        (
            Torture::new().blocking(),
            tandem_components::TANDEM,
            "it is the component for WASI 0.3, not the one for WASI 0.2",
        ),
    ] {
        let torture = torture.states(1).component(component.to_vec());
        let error = torture.run(|_| {}).expect_err("the other component");
        let cause = std::error::Error::source(&error).expect("a cause");
        assert_eq!(cause.to_string(), sentence);
    }
}
