//! Bars on a logarithmic scale, from the base at 1 to the left for who is faster and to the right
//! for who is slower.

use std::fmt::Write;

use super::escaped;
use crate::kind::BASE;
use crate::table::{Group, Line};

const WIDTH: f64 = 860.0;
const ROW_HEIGHT: f64 = 22.0;
const SCALE_HEIGHT: f64 = 22.0;
/// Where the bars may be, between names and figures.
const LEFT: f64 = 185.0;
const RIGHT: f64 = 680.0;
/// The scale reaches at least from 1/2 to 2, in powers of two.
const REACH_MIN: i32 = 1;

pub fn chart(group: &Group) -> String {
    let reach = |of: fn(f64) -> f64| {
        let powers = group.lines.iter().map(|line| of(power(line)).ceil() as i32);
        powers.fold(REACH_MIN, i32::max)
    };
    let (below, above) = (reach(|power| -power), reach(|power| power));
    let x =
        |power: f64| LEFT + (power + f64::from(below)) / f64::from(below + above) * (RIGHT - LEFT);
    let bottom = SCALE_HEIGHT + ROW_HEIGHT * group.lines.len() as f64;

    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {bottom}\" role=\"img\" aria-label=\"{}: medians, {} is 1\">\n",
        escaped(&group.title()),
        group.lines.first().map_or(BASE.name(), |line| line.row.ratio_to)
    );
    // Writing to a string cannot fail.
    for power in -below..=above {
        let at = x(f64::from(power));
        let class = if power == 0 { " class=\"one\"" } else { "" };
        let label = if power < 0 { format!("1/{}", 1 << -power) } else { (1 << power).to_string() };
        let _ = writeln!(
            svg,
            "<line{class} x1=\"{at:.1}\" y1=\"{SCALE_HEIGHT}\" x2=\"{at:.1}\" y2=\"{bottom}\"/>\
             <text class=\"scale\" x=\"{at:.1}\" y=\"14\" text-anchor=\"middle\">{label}</text>"
        );
    }
    for (at, line) in group.lines.iter().enumerate() {
        let top = SCALE_HEIGHT + ROW_HEIGHT * at as f64;
        bar(&mut svg, line, top, x(0.0), x(power(line)));
    }
    svg.push_str("</svg>\n");
    svg
}

fn bar(svg: &mut String, line: &Line, top: f64, one: f64, end: f64) {
    let row = line.row;
    let class = if row.contender.starts_with("tandem") { "bar own" } else { "bar" };
    // The base has a bar too, however thin.
    let (left, width) = (one.min(end), (one - end).abs().max(2.0));
    let (middle, height) = (top + ROW_HEIGHT * 0.7, ROW_HEIGHT - 6.0);
    let _ = writeln!(
        svg,
        "<text x=\"0\" y=\"{middle:.1}\">{}</text>\
         <rect class=\"{class}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" \
         height=\"{height}\" rx=\"2\"/>\
         <text x=\"{WIDTH}\" y=\"{middle:.1}\" text-anchor=\"end\">{:.2} · {}</text>",
        escaped(&row.runs_open.map_or_else(
            || row.contender.to_owned(),
            |open| format!("{}, {open} open", row.contender),
        )),
        top + 3.0,
        row.ratio,
        time(row.p50_us)
    );
}

/// Of two.
fn power(line: &Line) -> f64 {
    let power = line.row.ratio.log2();
    if power.is_finite() { power } else { 0.0 }
}

fn time(us: f64) -> String {
    if us < 10_000.0 { format!("{us:.0} µs") } else { format!("{:.0} ms", us / 1000.0) }
}
