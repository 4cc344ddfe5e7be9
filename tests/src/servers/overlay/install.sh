# Installs Debian's packages, in an overlay. $1 is the cache; the packages are put before this as $packages, what
# they would ask as $answers.

cache=$1
export DEBIAN_FRONTEND=noninteractive
apt() {
    apt-get -q -y -o "Dir::Cache::archives=$cache/debs" -o "Dir::State::lists=$cache/lists" \
        -o APT::Keep-Downloaded-Packages=true -o APT::Sandbox::User=root -o DPkg::Options::=--force-unsafe-io "$@"
}
mkdir -p "$cache/debs/partial" "$cache/lists/partial"
[ -z "$answers" ] || echo "$answers" | debconf-set-selections
# The lists of last time do as long as all that they name is still there. One source that fails is no harm if the
# packages come from another.
apt install --no-install-recommends $packages || {
    apt update || true
    apt install --no-install-recommends $packages
}
dpkg-query -W -f '${Version}' "${packages%% *}" > "$cache/version"
