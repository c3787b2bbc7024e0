//! What single parts of the parser's tree mean in ours.

use cel::common::ast::{ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

use super::tree::{Calculation, Comparison, Literal, Node, Path, Quantifier, Root, Segment};

/// One step further: paths stay one node, whatever their length.
pub(super) fn step(operand: Node, segment: Segment) -> Node {
    if let Node::Path(path) = operand {
        let is_data = segment == Segment::Field("data".into());
        if path.root == Root::Event && path.segments.is_empty() && is_data {
            return Node::Path(Path { root: Root::Data, segments: Box::default() });
        }
        let segments = path.segments.into_iter().chain([segment]).collect();
        return Node::Path(Path { root: path.root, segments });
    }
    let operand = Box::new(operand);
    match segment {
        Segment::Field(field) => Node::Field { operand, field },
        Segment::Index(index) => Node::Index { operand, index: Box::new(Node::Literal(Literal::Int(index))) },
    }
}

/// Which macro made a comprehension, and the condition that it puts to each element.
pub(super) fn quantified(comprehension: &ComprehensionExpr) -> Option<(Quantifier, &IdedExpr)> {
    let Expr::Call(step) = &comprehension.loop_step.expr else { return None };
    let quantifier = match step.func_name.as_str() {
        operators::LOGICAL_OR => Quantifier::Exists,
        operators::LOGICAL_AND => Quantifier::All,
        _ => return None,
    };
    match step.args.as_slice() {
        [_, body] => Some((quantifier, body)),
        _ => None,
    }
}

/// The comparison that an operator stands for.
pub(super) fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// The calculation that an operator stands for.
pub(super) fn calculation(operator: &str) -> Option<Calculation> {
    Some(match operator {
        operators::ADD => Calculation::Add,
        operators::SUBSTRACT => Calculation::Subtract,
        operators::MULTIPLY => Calculation::Multiply,
        operators::DIVIDE => Calculation::Divide,
        operators::MODULO => Calculation::Remainder,
        _ => return None,
    })
}

/// The text that the source writes here.
pub(super) fn text_of(part: &IdedExpr) -> Option<&str> {
    if let Expr::Literal(LiteralValue::String(text)) = &part.expr { Some(text.inner()) } else { None }
}

/// Whether this can ever be a number, whichever way a conditional goes.
pub(super) fn can_be_number(node: &Node) -> bool {
    match node {
        Node::Literal(Literal::Int(_) | Literal::Double(_)) => true,
        Node::Literal(Literal::Null | Literal::Bool(_) | Literal::Text(_)) | Node::List(_) => false,
        Node::Choose(parts) => can_be_number(&parts[1]) && can_be_number(&parts[2]),
        Node::Path(_)
        | Node::Field { .. }
        | Node::Index { .. }
        | Node::Negate(_)
        | Node::Calculate { .. }
        | Node::Size(_)
        | Node::History { .. } => true,
        Node::Has { .. }
        | Node::Not(_)
        | Node::And(_)
        | Node::Or(_)
        | Node::Compare { .. }
        | Node::In(_)
        | Node::Quantify { .. }
        | Node::Search { .. }
        | Node::InTopic(_) => false,
    }
}

/// Whether this can ever be true or false.
pub(super) fn can_be_bool(node: &Node) -> bool {
    match node {
        Node::Literal(Literal::Bool(_)) => true,
        Node::Literal(Literal::Null | Literal::Int(_) | Literal::Double(_) | Literal::Text(_)) => false,
        Node::Choose(parts) => can_be_bool(&parts[1]) || can_be_bool(&parts[2]),
        Node::Path(path) => !path.segments.is_empty() || matches!(path.root, Root::Element(_)),
        Node::Field { .. }
        | Node::Index { .. }
        | Node::Has { .. }
        | Node::Not(_)
        | Node::And(_)
        | Node::Or(_)
        | Node::Compare { .. }
        | Node::In(_)
        | Node::Quantify { .. }
        | Node::Search { .. }
        | Node::InTopic(_) => true,
        Node::List(_) | Node::Negate(_) | Node::Calculate { .. } | Node::Size(_) | Node::History { .. } => {
            false
        }
    }
}
