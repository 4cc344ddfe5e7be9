//! No dependency may ask for a newer Rust than the one that we promise.

use serde_json::Value;

use crate::cargo;

/// Checks every package that the workspace with this manifest can come to use, on any platform, with all features.
pub(crate) fn check(manifest: &str) -> Result<(), String> {
    let metadata = cargo::metadata(manifest, &["--all-features"])?;
    let newer = newer_than_ours(&metadata)?;
    if newer.is_empty() { Ok(()) } else { Err(newer.join("\n")) }
}

/// A line for each package that needs more than the lowest `rust-version` of the workspace's own members.
fn newer_than_ours(metadata: &Value) -> Result<Vec<String>, String> {
    let list =
        |value: &Value| value.as_array().cloned().ok_or("cargo metadata has another form than expected");
    let members = list(&metadata["workspace_members"])?;
    let packages = list(&metadata["packages"])?;
    let (own, others): (Vec<_>, Vec<_>) =
        packages.iter().partition(|package| members.contains(&package["id"]));
    let mut ours = None;
    for package in own {
        let version =
            rust_version(package).ok_or_else(|| format!("{} names no rust-version", package["name"]))?;
        ours = Some(ours.map_or(version, |lowest: [u64; 3]| lowest.min(version)));
    }
    let ours = ours.ok_or("the workspace has no members")?;
    let line = |package: &Value| {
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} needs Rust {}", text("name"), text("version"), text("rust_version"))
    };
    Ok(others
        .into_iter()
        .filter(|package| rust_version(package).is_some_and(|version| version > ours))
        .map(line)
        .collect())
}

/// `1.89` as `[1, 89, 0]`.
fn rust_version(package: &Value) -> Option<[u64; 3]> {
    let mut version = [0; 3];
    for (number, part) in version.iter_mut().zip(package["rust_version"].as_str()?.split('.')) {
        *number = part.parse().ok()?;
    }
    Some(version)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(dependency: Value) -> Value {
        json!({
            "workspace_members": ["ours 0.1.0"],
            "packages": [
                { "id": "ours 0.1.0", "name": "ours", "version": "0.1.0", "rust_version": "1.89" },
                { "id": "dep 1.0.0", "name": "dep", "version": "1.0.0", "rust_version": dependency },
            ],
        })
    }

    #[test]
    fn a_newer_dependency_is_named() {
        let newer = newer_than_ours(&metadata(json!("1.90.1"))).unwrap();
        assert_eq!(newer, ["dep 1.0.0 needs Rust 1.90.1"]);
        assert_eq!(newer_than_ours(&metadata(json!("1.89.1"))).unwrap().len(), 1);
        assert_eq!(newer_than_ours(&metadata(json!("2.0"))).unwrap().len(), 1);
    }

    #[test]
    fn an_older_dependency_and_one_that_says_nothing_pass() {
        for version in [json!("1.89"), json!("1.89.0"), json!("1.9"), json!("1"), json!(null)] {
            assert_eq!(newer_than_ours(&metadata(version)).unwrap(), [""; 0]);
        }
    }

    #[test]
    fn a_member_must_name_its_rust_version() {
        let mut metadata = metadata(json!("1.70"));
        metadata["packages"][0]["rust_version"] = json!(null);
        assert!(newer_than_ours(&metadata).is_err());
    }
}
