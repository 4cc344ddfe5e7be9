//! The ways to cut the bytes of a case.

use mail_facts::corpus::Case;

/// Where to cut the bytes in two: everywhere, or in a long case near line ends, literals and the end, and at 500
/// further places.
fn cuts(wire: &[u8]) -> Vec<usize> {
    const LONG: usize = 4 << 10;
    const NEAR: usize = 64;
    let len = wire.len();
    if len <= LONG {
        return (1..len).collect();
    }
    let ends = wire.windows(2).enumerate().filter(|(_, pair)| pair == b"\r\n").map(|(at, _)| at);
    let braces = wire.iter().enumerate().filter(|(_, byte)| **byte == b'{').map(|(at, _)| at);
    let near = ends.chain(braces).chain([len]).flat_map(|at| at.saturating_sub(NEAR)..=(at + NEAR).min(len));
    let mut cuts: Vec<usize> = near.chain((1..=500).map(|part| len * part / 501)).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// Checks that `read` gives the same of the bytes whole, one by one, and cut in two at every place; what follows the
/// case is `behind`, and comes with its last piece.
///
/// Returns what was read.
pub(crate) fn read_however_split<T: PartialEq>(
    case: &Case,
    behind: &[u8],
    read: impl Fn(&[&[u8]]) -> T,
) -> Result<T, String> {
    let whole = [&case.wire, behind].concat();
    let result = read(&[&whole]);
    if read(&whole.chunks(1).collect::<Vec<_>>()) != result {
        return Err("another result byte by byte".into());
    }
    for cut in cuts(&case.wire) {
        let (head, tail) = whole.split_at(cut);
        if read(&[head, tail]) != result {
            return Err(format!("another result when split at {cut}"));
        }
    }
    Ok(result)
}
