# Reads the output of `cargo test` and prints one row for each suite that ran: what `make test` covered.
function plain(text) { gsub(/\033\[[0-9;]*m/, "", text); return text }
{ line = plain($0) }
line ~ /^ +Running / {
    # "Running unittests src/lib.rs (…/deps/hourglass_core-0123456789abcdef)"
    kind = (line ~ /unittests/) ? "unit" : "integration"
    name = line; sub(/.*\//, "", name); sub(/-[0-9a-f]+\)$/, "", name); gsub(/_/, "-", name)
    suite = name " (" kind ")"
}
line ~ /^ +Doc-tests / { name = line; sub(/.*Doc-tests /, "", name); gsub(/_/, "-", name); suite = name " (examples)" }
line ~ /^test [a-z0-9_]+::/ && suite ~ /integration/ {
    module = line; sub(/^test /, "", module); sub(/::.*/, "", module)
    if (!((suite, module) in seen)) { seen[suite, module] = 1; modules[suite] = modules[suite] " " module }
}
line ~ /^test result: / {
    split(line, word, /[ ;.]+/)
    for (i in word) {
        if (word[i + 1] == "passed") ok[suite] += word[i]
        if (word[i + 1] == "failed") bad[suite] += word[i]
        if (word[i + 1] == "ignored") skipped[suite] += word[i]
    }
    if (!(suite in known)) { known[suite] = 1; order[++count] = suite }
}
END {
    printf "%-42s %7s %7s %8s  %s\n", "suite", "passed", "failed", "ignored", "modules"
    for (i = 1; i <= count; i++) {
        s = order[i]
        if (ok[s] + bad[s] + skipped[s] == 0) continue
        printf "%-42s %7d %7d %8d %s\n", s, ok[s], bad[s], skipped[s], modules[s]
        passed += ok[s]; failed += bad[s]; ignored += skipped[s]
    }
    printf "%-42s %7d %7d %8d\n", "total", passed, failed, ignored
    if (passed == 0) { print "no test ran" > "/dev/stderr"; exit 1 }
}
