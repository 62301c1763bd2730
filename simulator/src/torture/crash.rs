//! A crash at every step of a workload, into the states that the model allows after it.

use super::acknowledged::{Acknowledged, Anew, Gone, Parts};
use super::judge::{self, Crash, Found};
use super::machine::Stage;
use super::plan::{self, Plan};
use super::player::{Ended, Order, PlannedFault, Player};
use super::unit::{Moment, Unit};
use crate::sim::SimDisk;
use crate::sim::crash::{Limits, each_state};
use crate::sim::effect::Persistent;
use crate::sim::tree::Tree;
use crate::sim::world::{Fault, InFlight, Step};
use tandem_host::disk::Kind;
use tandem_host::testing::{DiskOperation, is_temporary, temporary_target};

/// A moment of a workload in which everything may end.
struct Point {
    persistent: Persistent,
    live: Tree,
    acknowledged: Acknowledged,
    /// How many steps had been made.
    steps: usize,
    /// What a write in flight would have left of a file that it overwrites.
    torn: Vec<Tree>,
}

/// How a workload is played.
pub(super) struct Play {
    pub order: Order,
    pub faults: Vec<PlannedFault>,
    /// The caller of an act goes away after so many completed calls.
    pub abandon: Option<(usize, usize)>,
    /// Crash only at the end and at so many other moments; everywhere if none.
    pub points_max: Option<usize>,
    /// Whether the limits must suffice for every state.
    pub is_exhaustive: bool,
}

impl Default for Play {
    fn default() -> Self {
        Play {
            order: Order::Issued,
            faults: Vec::new(),
            abandon: None,
            points_max: None,
            is_exhaustive: false,
        }
    }
}

/// What a play was like.
pub(super) struct Played {
    /// A disk after a crash from which the same may begin again, and what is promised of it.
    pub survivor: Option<(Tree, Acknowledged)>,
    pub order: Order,
    pub ended: Vec<Ended>,
    pub log: Vec<Step>,
    pub steps: Vec<String>,
    pub acknowledged: Acknowledged,
    pub live: Tree,
    /// How many calls were completed while faults were planned.
    pub may_fault: usize,
    pub injected: usize,
    pub has_abandoned: bool,
}

/// Plays `plan` on a disk of which something is promised, or on its own, and crashes it everywhere.
pub(super) fn explore(
    unit: &mut Unit<'_>,
    plan: &Plan,
    start: Option<(Tree, Acknowledged)>,
    play: Play,
    limits: Limits,
) -> Played {
    let (image, acknowledged) = start.unwrap_or_else(|| plan.start());
    let before = remains(&image);
    let disk = SimDisk::from_tree(image, unit.model, unit.random.u64(..));
    {
        let mut world = disk.world();
        world.is_held = true;
        world.log = Some(Vec::new());
    }
    let mut player = Player::new(plan, unit.model, play.order);
    let (may_fault, is_exhaustive) = (!play.faults.is_empty(), play.is_exhaustive);
    player.faults = play.faults;
    player.abandon = play.abandon;
    player.acknowledged = acknowledged;
    player.acknowledged.may_undo_renames = !unit.model.syncs_directories();
    let (mut points, wrong) = run(unit, &mut player, &disk);
    let live = disk.world().live.clone();
    let steps = std::mem::take(&mut player.steps);
    let wrong = wrong.or_else(|| {
        let log = disk.world().log.take().unwrap_or_default();
        let is_excused =
            |path: &String| before.contains(path) || log.iter().any(|step| excuses(step, path));
        let is_tidy = !player.has_killed();
        let renamed = || player.are_removals_done().then(|| renamed(&live).pop()).flatten();
        let mut left = remains(&live).into_iter().filter(|path| is_tidy && !is_excused(path));
        let left = left.next().or_else(renamed);
        disk.world().log = Some(log);
        let left = left?;
        Some(format!("it is left when all has ended: {left}"))
    });
    if let Some(sentence) = wrong {
        let moment =
            Moment { plan, acknowledged: &player.acknowledged, steps: &steps, before: &live };
        unit.violation(&moment, None, sentence);
    }
    for point in &points {
        let steps = &steps[..point.steps];
        let moment = Moment { plan, acknowledged: &point.acknowledged, steps, before: &point.live };
        if let Err(sentence) = judge::files(&point.live, plan, &point.acknowledged, Crash::None) {
            unit.violation(&moment, None, sentence);
        }
    }
    if may_fault && player.injected == 0 {
        // Without its fault it is a workload that was tried before.
        points.clear();
    }
    if let Some(points_max) = play.points_max {
        while points.len() > points_max.max(1) {
            let dropped = unit.random.usize(..points.len() - 1);
            points.remove(dropped);
        }
    }
    let (survivor, are_all) = crash_at(unit, plan, &points, &steps, limits);
    if is_exhaustive && !are_all && unit.violations.is_empty() {
        let moment =
            Moment { plan, acknowledged: &player.acknowledged, steps: &steps, before: &live };
        unit.violation(&moment, None, "the limits leave states of a small workload out".to_owned());
    }
    let log = disk.world().log.take().unwrap_or_default();
    Played {
        survivor,
        order: player.order,
        ended: player.ended,
        log,
        steps,
        acknowledged: player.acknowledged,
        live,
        may_fault: player.healed_at.unwrap_or(player.completed),
        injected: player.injected,
        has_abandoned: player.has_abandoned,
    }
}

/// What a component leaves behind only if it crashes: temporary files and locks. Directories that
/// were renamed to be removed are another matter, with all that is in them.
fn remains(tree: &Tree) -> Vec<String> {
    let files = tree.walk().into_iter().filter(|(_, ino)| tree.kind(*ino) == Kind::File);
    let names = files.map(|(path, _)| path);
    names
        .filter(|path| {
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
            let is_in_renamed = dir.split('/').any(is_temporary);
            !is_in_renamed && (is_temporary(name) || name.ends_with(".lock"))
        })
        .collect()
}

/// The directories that were renamed to be removed.
pub(super) fn renamed(tree: &Tree) -> Vec<String> {
    let dirs = tree.walk().into_iter().filter(|(_, ino)| tree.kind(*ino) == Kind::Directory);
    dirs.map(|(path, _)| path).filter(|path| is_temporary(name_of(path))).collect()
}

/// Whether a call that failed is why a file is still there.
fn excuses(step: &Step, path: &str) -> bool {
    let Some(fault) = step.fault else { return false };
    if !is_temporary(name_of(path)) {
        // Whoever cannot read its lock, or was told that it has none, leaves it.
        return step.call.path == path || step.call.to.as_deref() == Some(path);
    }
    let operation = step.call.operation;
    let (created, removed) = (DiskOperation::CreateFile, DiskOperation::RemoveFile);
    let is_after = matches!(fault, Fault::After(_));
    step.call.path == path && operation == if is_after { created } else { removed }
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Crashes at each of the moments. Tells one of the states that followed, and whether they were all.
fn crash_at(
    unit: &mut Unit<'_>,
    plan: &Plan,
    points: &[Point],
    steps: &[String],
    limits: Limits,
) -> (Option<(Tree, Acknowledged)>, bool) {
    unit.next_workload();
    let mut are_all = true;
    let chosen = unit.random.usize(..points.len().max(1));
    let mut survivor = None;
    for (at, point) in points.iter().enumerate() {
        if !unit.violations.is_empty() {
            return (None, false);
        }
        let steps = &steps[..point.steps];
        let moment = Moment { plan, acknowledged: &point.acknowledged, steps, before: &point.live };
        unit.try_state(&moment, Crash::Process, &point.live);
        for torn in &point.torn {
            unit.try_state(&moment, Crash::Process, torn);
        }
        let model = unit.model;
        let mut random = unit.random.fork();
        let mut draws = random.fork();
        let mut visited = 0_usize;
        let mut visit = |tree: Tree| {
            unit.try_state(&moment, Crash::PowerLoss, &tree);
            visited += 1;
            // Each of them with the same chance.
            if at == chosen && random.usize(..visited) == 0 {
                survivor = Some((tree, point.acknowledged.clone()));
            }
        };
        let scratch = temporary_target;
        are_all &= each_state(&point.persistent, &model, limits, scratch, &mut draws, &mut visit);
    }
    let survivor = survivor.map(|(tree, acknowledged)| {
        let acknowledged = rebased(&tree, plan, acknowledged);
        (tree, acknowledged)
    });
    (survivor, are_all)
}

/// Plays to the end, and tells the moments in which the disk or the knowledge about it was new, and
/// what went wrong by itself.
fn run(
    unit: &mut Unit<'_>,
    player: &mut Player<'_>,
    disk: &SimDisk,
) -> (Vec<Point>, Option<String>) {
    let mut points: Vec<Point> = Vec::new();
    let mut last = None;
    let instances = player.instances();
    let mut director = |stage: &Stage| {
        // Between what was acknowledged and what the disk does next.
        player.collect(stage);
        let world = stage.disk.world();
        // What a process that dies now leaves one way or the other.
        let is_undecided = |held: &&InFlight| {
            let call = &held.call;
            let is_in_place = call.operation == DiskOperation::Write && !is_temporary(call.name());
            is_in_place || held.is_store_write()
        };
        let torn = || world.waiting().filter(is_undecided);
        let now = (world.changes, player.acknowledged.changes, torn().count());
        if last != Some(now) {
            last = Some(now);
            points.push(Point {
                persistent: world.persistent.clone(),
                live: world.live.clone(),
                acknowledged: player.acknowledged.clone(),
                steps: player.steps.len(),
                torn: torn().map(|held| world.torn(held)).collect(),
            });
        }
        drop(world);
        player.next(stage)
    };
    let result = unit.lab.run(disk, instances, &mut director);
    unit.note(disk.trace_hash());
    let wrong = match result {
        Err(error) => Some(format!("the component trapped: {error:#}")),
        Ok(()) => player.wrong.take(),
    };
    (points, wrong)
}

/// What is promised of a disk after a crash: what it holds now, and nothing newer.
fn rebased(tree: &Tree, plan: &Plan, mut acknowledged: Acknowledged) -> Acknowledged {
    for run in 0..plan.runs.len() {
        let found = judge::found_manifest(tree, &acknowledged, run);
        let known = &mut acknowledged.runs[run];
        let version = match found {
            Found::Whole(version) => Some(version),
            Found::Absent | Found::Torn => None,
        };
        known.versions.truncate(version.map_or(0, |version| version + 1));
        known.visible = version;
        known.durable = version;
        let beat = judge::found_heartbeat(tree, run);
        known.heartbeat_visible_ms = beat;
        known.heartbeat_durable_ms = beat;
        known.has_artifact &= judge::has_artifact(tree, run);
        (known.may_be_gone, known.is_gone) = (Parts::default(), Gone::default());
        known.is_anew = Anew::default();
        let known_bad = [
            (plan::manifest_path(run), found == Found::Torn),
            (plan::heartbeat_path(run), beat.is_none()),
        ];
        for (path, is_bad) in known_bad {
            acknowledged.known_bad.remove(&path);
            if let Some(data) = tree.content(&path).filter(|_| is_bad) {
                acknowledged.known_bad.insert(path, data.clone());
            }
        }
    }
    judge::rebase_records(tree, plan, &mut acknowledged);
    acknowledged
}
