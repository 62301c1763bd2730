use super::*;

#[test]
fn a_manifest_without_a_document_is_an_error_and_changes_nothing() {
    let place = Place::empty();
    for force in [false, true] {
        let call = place.call(BOTH, force);
        place.disk.settle();
        let error = call.take().expect("an outcome").expect_err("no document");
        assert!(
            matches!(error, Error::InvalidInput { channel: Some(Channel::Manifest), .. }),
            "{error}"
        );
    }
    assert_eq!(place.dirty(), NONE);
    assert_eq!(place.run.stats().requests, 0);
    assert!(place.force(HEARTBEAT).is_ok(), "the heartbeat needs none");
}

#[test]
fn a_merge_without_a_document_starts_from_the_empty_object() {
    let place = Place::empty();
    place.run.merge("{\"n\":4,\"x\":null}").expect("merge");
    place.flush().expect("flush");
    assert_eq!(place.n(), 4);
}

#[test]
fn a_bad_document_or_patch_changes_nothing() {
    let place = Place::written();
    for text in ["", "{", "[]", "null", "1", "{\"n\":1}}"] {
        let errors = [place.run.set(text), place.run.merge(text)];
        for error in errors {
            let error = error.expect_err(text);
            assert!(
                matches!(error, Error::InvalidInput { channel: Some(Channel::Manifest), .. }),
                "{error}"
            );
        }
    }
    assert_eq!(place.dirty(), NONE);
    place.force(MANIFEST).expect("flush");
    assert_eq!(place.n(), 0);
}

#[test]
fn the_size_is_checked_before_the_text_is_parsed() {
    let place = Place::with(RunSettings { max_document_bytes: 20, ..options() });
    let no_json = "[".repeat(21);
    for error in [place.run.set(&no_json), place.run.merge(&no_json)] {
        let error = error.expect_err("too large");
        assert!(matches!(error, Error::TooLarge { bytes: 21, limit: 20, .. }), "{error}");
    }
    place.flush().expect("flush");
    assert_eq!(place.n(), 0);
}

#[test]
fn a_merge_that_grows_above_the_limit_changes_nothing() {
    let place = Place::with(RunSettings { max_document_bytes: 20, ..options() });
    let error = place.run.merge("{\"longer\":1}").expect_err("too large");
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    place.flush().expect("flush");
    assert_eq!(place.n(), 0);
}
