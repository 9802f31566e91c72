# The few commands that people type: `just` lists them (https://just.systems).

_default:
    @just --list

# All that CI does
ci:
    bash .ci/run

# Tests alone
test *ARGS:
    cargo test {{ARGS}}

# Formatting and lints, as CI wants them
check:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings

# After a change that is meant: snapshots (read the diff), the scenarios' schema, the README's settings
bless:
    INSTA_UPDATE=always cargo test
    cargo run -q -- schema > scenarios/scenario.schema.json
    git diff --stat

# More random cases than CI takes
fuzz CASES="2000":
    PROPTEST_CASES={{CASES}} cargo test --test it every_cluster
    PROPTEST_CASES={{CASES}} cargo test --test it timelines_hold

# The HTML report in chromium; pictures in target/browser
browser:
    cargo test --test it browser -- --ignored --nocapture

# Times, and instructions under valgrind
bench:
    cargo bench
    cargo test --test it instructions -- --ignored --nocapture

# Licences, advisories and sources of the dependencies (needs cargo-deny)
deny:
    cargo deny check
