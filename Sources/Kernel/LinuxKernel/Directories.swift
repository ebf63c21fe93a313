import CLinux
import Glibc

/// Directories by path, for places of our own on the host.
public enum Directories {
    /// See mkdir(2). EEXIST when something is there.
    public static func make(_ path: String, mode: UInt32) throws(KernelError) {
        try checked("mkdir", on: path) { mkdir(path, mode_t(mode)) }
    }

    /// Makes the directory and its missing parents; an existing directory is fine.
    public static func makeAll(_ path: String, mode: UInt32) throws(KernelError) {
        do throws(KernelError) { return try make(path, mode: mode) } catch {
            if error.errno == EEXIST { return }
            if error.errno != ENOENT { throw error }
        }
        var made = path.begins(with: "/") ? "" : "."
        for component in path.cut(at: "/") {
            made += "/" + component
            do throws(KernelError) { try make(made, mode: mode) } catch {
                if error.errno != EEXIST { throw error }
            }
        }
    }

    /// See rmdir(2). A directory that is not there is fine.
    public static func removeEmpty(_ path: String) throws(KernelError) {
        do throws(KernelError) { try checked("rmdir", on: path) { rmdir(path) } } catch {
            if error.errno != ENOENT { throw error }
        }
    }
}

/// A bounded wait for a condition that no descriptor tells of.
public struct Deadline: Sendable {
    private let end: Double
    public init(seconds: Double) { end = HostFacts.monotonicClock() + seconds }

    public var hasPassed: Bool { HostFacts.monotonicClock() >= end }

    /// Waits five milliseconds, for a caller with a loop of its own. ETIMEDOUT after the deadline.
    public func pause(_ what: @autoclosure () -> String) throws(KernelError) {
        if hasPassed { throw KernelError(call: "wait for \(what())", errno: ETIMEDOUT) }
        usleep(5_000)
    }

    /// Asks again every half millisecond, later every 10, until `condition` holds. ETIMEDOUT when it never does.
    public func wait(
        _ what: @autoclosure () -> String, until condition: () throws(KernelError) -> Bool
    ) throws(KernelError) {
        var pause: UInt32 = 500
        while try !condition() {
            if hasPassed { throw KernelError(call: "wait for \(what())", errno: ETIMEDOUT) }
            usleep(pause)
            pause = min(pause * 2, 10_000)
        }
    }
}

/// Device numbers as stat(2) packs them.
public enum DeviceNumber {
    public static func split(_ device: UInt64) -> (major: UInt32, minor: UInt32) {
        (bh_major(dev_t(device)), bh_minor(dev_t(device)))
    }
}
