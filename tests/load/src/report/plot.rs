//! The figures as a picture: each measure that has a goal beside its goal, its moonshot and the limit of the machine.
//!
//! A row's scale is logarithmic and turned so that better is always to the right: the goal stands on one line for all rows,
//! and a bar that passes it has reached it.

use std::fmt::Write as _;

use super::table::number;
use super::{Bound, Measure, Report};

const WIDTH: f64 = 1240.0;
const ROW: f64 = 34.0;
const TOP: f64 = 96.0;
/// Where the names end and the scale begins.
const LEFT: f64 = 580.0;
/// Where the scale ends and the values begin.
const RIGHT: f64 = 1060.0;
/// The scale goes from a hundredth of the goal to a hundred times of it.
const DECADES: f64 = 2.0;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1c1f24}.h{font-size:16px;font-weight:600}.q{fill:#667}\
    .bar{fill:#2f6fde}.miss{fill:#c8643c}.goal{stroke:#1c1f24;stroke-width:1.5}.grid{stroke:#dde1e8}.p{fill:#8a94a6}\
    .moon{fill:none;stroke:#1c1f24;stroke-width:1.5}.bg{fill:#fff}";

/// The report as an SVG.
pub(crate) fn svg(report: &Report) -> String {
    let rows: Vec<(String, &Measure)> = report
        .figures
        .iter()
        .flat_map(|figure| {
            let named = figure.measures.iter().filter(|measure| measure.must.or(measure.moonshot).is_some());
            named.map(|measure| (format!("{}  {}: {}", figure.number, figure.name, measure.name), measure))
        })
        .collect();
    let height = TOP + ROW * f64::from(u32::try_from(rows.len()).unwrap_or(0)) + 24.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Each figure beside its goal\"><style>{STYLE}</style><rect class=\"bg\" width=\"{WIDTH}\" height=\"{height}\"/>\n"
    );
    svg.push_str(&head(height));
    for (place, (name, measure)) in (0_u32..).zip(&rows) {
        svg.push_str(&row(TOP + ROW * f64::from(place), name, measure));
    }
    svg.push_str("</svg>\n");
    svg
}

fn head(height: f64) -> String {
    let mut text = String::from(
        "<text class=\"h\" x=\"16\" y=\"28\">What is measured, as a share of what must be reached</text>\
         <text class=\"q\" x=\"16\" y=\"50\">blue: reached · ring: moonshot · grey mark: limit of the machine in the same run · \
         line: least and most</text>\n",
    );
    for (share, name) in
        [(0.01, "1/100"), (0.1, "1/10"), (1.0, "must reach"), (10.0, "× 10"), (100.0, "× 100")]
    {
        let x = place(share);
        let class = if share == 1.0 { "goal" } else { "grid" };
        writeln!(
            text,
            "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{}\"/><text class=\"q\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{}\">{name}</text>",
            TOP - 8.0,
            height - 16.0,
            TOP - 16.0
        )
        .expect("a text takes what is written");
    }
    text
}

fn row(y: f64, name: &str, measure: &Measure) -> String {
    let goal = measure.must.or(measure.moonshot).expect("only measures with a goal are drawn");
    let share = |value: f64| match goal {
        Bound::AtLeast(bound) => value / bound,
        Bound::AtMost(bound) => bound / value,
    };
    let (x, middle) = (place(share(measure.value.median)), y + 15.0);
    let class = if goal.holds(measure.value.median) { "bar" } else { "miss" };
    let (from, to) = (place(share(measure.value.min)), place(share(measure.value.max)));
    let mut text = format!(
        "<text x=\"16\" y=\"{:.1}\">{}</text><rect class=\"{class}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"12\" rx=\"2\"/>\
         <line class=\"goal\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>",
        y + 19.0,
        escaped(name),
        y + 9.0,
        (x - LEFT).max(1.0)
    );
    if let Some(moonshot) = measure.moonshot {
        let x = place(share(moonshot.value()));
        write!(text, "<circle class=\"moon\" cx=\"{x:.1}\" cy=\"{middle:.1}\" r=\"5\"/>").expect("a text");
    }
    if let Some((_, probe)) = &measure.probe {
        let x = place(share(probe.median));
        write!(
            text,
            "<rect class=\"p\" x=\"{:.1}\" y=\"{:.1}\" width=\"4\" height=\"18\"/>",
            x - 2.0,
            y + 6.0
        )
        .expect("a text");
    }
    let value = number(measure.value.median, &measure.unit);
    writeln!(text, "<text x=\"{}\" y=\"{:.1}\">{value}</text>", RIGHT + 16.0, y + 19.0).expect("a text");
    text
}

/// The place of a share of the goal.
fn place(share: f64) -> f64 {
    let decades = share.max(1e-9).log10().clamp(-DECADES, DECADES);
    LEFT + (decades + DECADES) / (2.0 * DECADES) * (RIGHT - LEFT)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;
    use crate::report::Figure;
    use crate::spread::Spread;

    #[test]
    fn the_goal_stands_in_the_middle_and_less_is_to_the_left() {
        assert!((place(1.0) - f64::midpoint(LEFT, RIGHT)).abs() < 1e-9);
        assert!(place(0.1) < place(1.0) && place(1.0) < place(10.0));
        assert!((place(1e9) - RIGHT).abs() < 1e-9 && (place(0.0) - LEFT).abs() < 1e-9);
    }

    #[test]
    fn a_measure_that_misses_its_goal_has_another_colour() {
        let figure = |value| {
            let mut figure = Figure::new("1", "latency", Ledger::default());
            figure.add(Measure::new("p99", "ms", Spread::once(value)).must(Bound::AtMost(5.0)));
            Report { machine: Vec::new(), figures: vec![figure] }
        };
        assert!(svg(&figure(4.0)).contains("class=\"bar\"") && svg(&figure(6.0)).contains("class=\"miss\""));
    }
}
