//! Task ids, run ids, and the names and roots of the layout.

use super::disk;
use crate::error::Error;
use crate::ident::{check, check_name, check_path};
use crate::runs::Registry;
use crate::runs::settings::RunSettings;
use crate::storage::memory::Memory;
use crate::storage::temp;

/// The longest name that every usual file system takes.
const NAME_BYTES_MAX: usize = 255;

/// The input is an id, a name and a path.
pub fn ident(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    is_told(check("run id", &text));
    is_told(check_name("manifest_name", &text));
    is_told(check_path("runs_root", &text));

    let is_id = check("run id", &text).is_ok();
    if is_id {
        is_plain(&text);
        assert!(!text.starts_with('.') && text.trim() == text, "{text:?}");
        for taken in ["cli", "mcp", "local-mcp"] {
            assert!(!text.eq_ignore_ascii_case(taken));
        }
        assert!(!text.to_ascii_lowercase().ends_with(".lock"));
        check_name("summary_name", &text).expect("every id is a name");
        fits(&format!("{text}.lock"));
    } else {
        let is_usual = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let is_long = text.is_empty() || text.len() > 128;
        let is_device = text.len() <= 4 || text.eq_ignore_ascii_case("local-mcp");
        assert!(is_long || is_device || !text.bytes().all(is_usual), "{text:?} is a usual id");
    }
    if check_name("manifest_name", &text).is_ok() {
        is_plain(&text);
        fits(&text);
        check_path("runs_root", &text).expect("every name is a path");
    }
    if check_path("runs_root", &text).is_ok() {
        text.split('/').for_each(is_plain);
    }
    opens_inside(&text, is_id);
}

/// Checks that a name stays in its directory, is shown as it is, and is one on every system.
fn is_plain(name: &str) {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}')
            || matches!(c, '\u{2066}'..='\u{2069}' | '\u{FEFF}')
    };
    assert!(!name.is_empty() && name.len() <= 128, "{name:?}");
    assert!(
        !name.contains(steers)
            && !name.contains(r#"<>:"|?*/\"#.chars().collect::<Vec<_>>().as_slice())
    );
    assert!(!name.ends_with('.') && !name.ends_with(' '), "{name:?}");
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    for device in ["con", "prn", "aux", "nul", "conin$", "conout$", "com1", "com9", "lpt1", "lpt9"]
    {
        assert_ne!(stem, device);
    }
}

fn fits(target: &str) {
    let name = temp::named(target, &"0".repeat(32));
    assert!(name.len() <= NAME_BYTES_MAX, "{name:?}");
    assert_eq!(temp::parts(&name).map(|(of, _)| of), Some(target.trim_start_matches('.')));
}

/// Checks that an error says what is wrong in one line that steers no terminal.
fn is_told(result: Result<(), Error>) {
    let Err(error) = result else { return };
    let message = error.to_string();
    assert!(!message.contains(|c: char| c.is_control() || c == '\u{202E}'), "{message:?}");
    assert!(matches!(error, Error::InvalidId(_) | Error::InvalidInput { .. }));
}

/// A run of an id that is refused touches nothing; any other writes into its own directory.
fn opens_inside(text: &str, is_id: bool) {
    let (disk, registry) = (Memory::new(), Registry::default());
    let opened = disk::open(&disk, &registry, RunSettings::with_defaults("task", text));
    assert_eq!(opened.is_ok(), is_id);
    let Ok((run, recovery)) = opened else {
        assert!(disk.take_calls().is_empty());
        return;
    };
    run.set("{}").expect("set");
    disk::close(&disk, run);
    assert_eq!(recovery.directory, format!(".runs/task/cli/{text}"));
    assert_eq!(disk.paths(), [format!(".runs/task/cli/{text}/manifest.json")]);
}
