public import Containers
public import Diagnostics
public import HostProbe
import LinuxKernel

extension ControlGroup {
    /// Replaces the limits of a running container: all of them, or none when one is refused. Limits that `old` has and
    /// `new` has not are taken away. `root` is a host path on the file system the container writes to.
    public func replace(
        _ old: ContainerLimits, by new: ContainerLimits, host: HostAbilities, root: String, unenforced: [String]
    ) throws(Failure) {
        let settings = try ControlGroupIsolator.settings(
            new, replacing: old, host: host, root: root, unenforced: unenforced)
        if let memory = new.memory { try makeRoom(for: memory) }
        do throws(Failure) {
            for setting in settings { try set(setting) }
        } catch {
            throw restored(error, old, new, host: host, root: root)
        }
    }

    private func restored(
        _ failure: Failure, _ old: ContainerLimits, _ new: ContainerLimits, host: HostAbilities, root: String
    ) -> Failure {
        do throws(Failure) {
            let before = try ControlGroupIsolator.settings(
                old, replacing: new, host: host, root: root, unenforced: [Feature.io.rawValue])
            for setting in before { try set(setting) }
            return failure
        } catch {
            return failure.also(error)
        }
    }

    /// memory.max below what is in use makes the kernel kill the container at once. What can be taken back is taken
    /// back first, and a limit that would still kill is refused.
    private func makeRoom(for limit: UInt64) throws(Failure) {
        guard let used = amount(of: "memory.current"), used > limit else { return }
        do throws(KernelError) {
            try TextFile.write("\(used - limit)", to: path + "/memory.reclaim")
        } catch {
            // EAGAIN: less could be had than was asked for; ENOENT: before Linux 5.19.
            guard error.errno == Errno.wouldBlock || error.errno == Errno.noEntry else {
                throw error.failure("cgroup.cannot-limit", doing: "take memory back from the container", on: path)
            }
        }
        guard let left = amount(of: "memory.current"), left > limit else { return }
        throw Failure(
            "container.uses-more", doing: "limit the container's memory to \(ByteCount.text(limit))",
            cause: "it uses \(ByteCount.text(left)), and the kernel would kill it",
            remedy: "give at least what it uses, or let it free memory first", field: "memory", retry: .later)
    }

    /// The number a file holds; nil for `max` and for files this kernel does not have.
    public func amount(of file: String) -> UInt64? {
        contents(file).flatMap { UInt64($0.split(whereSeparator: \.isWhitespace).first ?? "") }
    }

    /// Why the kernel let no more processes in, if its limit was the reason.
    public func processLimitFailure(doing: String) -> Failure? {
        guard let limit = amount(of: "pids.max"), (value(of: "max", in: "pids.events") ?? 0) > 0 else { return nil }
        return Failure(
            "container.process-limit", doing: doing, cause: "the container has reached its limit of \(limit) processes",
            remedy: "raise it with: bulkhead update --pids", field: "pids", limit: "pids \(limit)", retry: .later)
    }
}
