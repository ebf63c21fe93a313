import Diagnostics
import LinuxKernel

/// launch-benchmark LAYER STORE STATE: times what the runtime does, inside one process, as an agent would call it.
///
/// Obeys one order a line from standard input and answers each with one line of JSON, so that the driver (../run) can
/// interleave it with other tools:
///
///     launch N    N containers that run `true`, from the call to the known end, each removed; microseconds
///     warm N      the same, each when the pool of namespaces is full; the filling is not timed
///     together N T   N such launches by T threads at once; microseconds from the first call to the last known end
///     pooled N T     the same with the pool of namespaces, as an agent has it
///     start N     N containers that sleep; gives the host ids of their first processes
///     exec N      N times `true` joined to the first of them; microseconds
///     stop        ends and removes them
let arguments = CommandLine.arguments
guard arguments.count == 4 else {
    CurrentProcess.exit(2)
}

do {
    var session = try BenchmarkSession(layer: arguments[1], store: arguments[2], state: arguments[3])
    while let line = readLine() {
        let answer = try session.obey(line.split(separator: " ").map(String.init))
        try OwnedDescriptor.standardStream(1).write(answer + "\n")
    }
    _ = try session.stop()
    try session.end()
} catch {
    try OwnedDescriptor.standardStream(2).write("launch-benchmark: \(error)\n")
    CurrentProcess.exit(1)
}
