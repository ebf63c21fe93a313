public import Diagnostics
import LinuxKernel

extension BundleGroups {
    /// The directory whose list of processes is believed.
    var telling: String? { directory(with: "pids") ?? directories.first }

    /// Whether what runs in the container's groups runs in one of `made`.
    func isTold(by made: [String]) -> Bool { telling.map(made.contains) ?? false }

    /// Everything that runs in the container's group and below.
    public func processes() -> [Int32] { telling.map { Self.processes($0, depth: 0) } ?? [] }

    private static func processes(_ directory: String, depth: Int) -> [Int32] {
        var result: [Int32] = []
        do throws(KernelError) {
            result = try TextFile.read(directory + "/cgroup.procs").cut(at: "\n").compactMap { Int32($0) }
            guard depth < 32 else { return result }
            for entry in try OwnedDescriptor.open(RawPath(directory), [.directory]).entries()
            where entry.kind == .directory {
                result += processes("\(directory)/\(entry.name)", depth: depth + 1)
            }
        } catch { return result }
        return result
    }

    /// Sends a signal to all of them, each once; SIGKILL also to those they make meanwhile, until nobody new is there.
    public func signalAll(_ number: Int32) throws(Failure) {
        do throws(KernelError) { try send(number) } catch {
            throw Self.failed(error, "signal the container's processes")
        }
    }

    func send(_ number: Int32) throws(KernelError) {
        if number == SignalNumber.kill, hierarchies.isUnified, let unified, HostFacts.exists(unified + "/cgroup.kill") {
            return try Self.killAll(in: unified)
        }
        try Self.signal(number, list: processes, open: ProcessHandle.open)
    }

    /// A group of version 2, with those below it. Nobody is in one that has been removed meanwhile.
    static func killAll(in directory: String) throws(KernelError) {
        do throws(KernelError) { try TextFile.write("1", to: directory + "/cgroup.kill") } catch {
            guard error.errno == Errno.noEntry || error.errno == Errno.noDevice else { throw error }
        }
    }

    private static let killSecondsMax = 10.0

    /// A number that was listed may be another process's by the time it is opened: only whoever is listed again while
    /// it is held is signalled, because until it ends no other process gets its number. What is signalled with SIGKILL
    /// makes no more processes, so the rounds come to an end; frozen ones are there until they are thawed.
    static func signal(
        _ number: Int32, list: () -> [Int32], open: (Int32) throws(KernelError) -> ProcessHandle
    ) throws(KernelError) {
        let deadline = Deadline(seconds: killSecondsMax)
        var signalled: [Int32: ProcessHandle] = [:]
        while true {
            var held: [ProcessHandle] = []
            for process in Set(list()).sorted() {
                if let known = signalled[process], try !known.hasEnded() { continue }
                do throws(KernelError) {
                    let handle = try open(process)
                    // One that waits to be reaped takes every signal, and none is of use.
                    if try !handle.hasEnded() { held.append(handle) }
                } catch {
                    if error.errno != Errno.noProcess { throw error }
                }
            }
            let members = held.isEmpty ? [] : Set(list())
            var isAnyNew = false
            for process in held where members.contains(process.id) {
                if try process.signal(number) { isAnyNew = true }
                signalled[process.id] = process
            }
            guard number == SignalNumber.kill, isAnyNew else { return }
            if deadline.hasPassed { throw KernelError(call: "wait for the last process", errno: Errno.timedOut) }
        }
    }
}
