import Containerizing
import CommandOutput
import Containers
import Diagnostics
import LinuxKernel

/// `--volume SOURCE:TARGET[:OPTION,…]`.
enum VolumeFlag {
    /// `directory` is what a relative source is relative to.
    static func parse(_ text: String, directory: String) throws(Failure) -> VolumeRequest {
        let parts = text.cut(at: ":", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count), !parts[0].isEmpty else {
            throw .flag(
                "volume", text,
                cause: parts.count == 1 ? "it has no source" : "it is not SOURCE:TARGET or SOURCE:TARGET:ro",
                remedy: parts.count == 1
                    ? "write SOURCE:TARGET, or --tmpfs for an empty file system" : "use --mount for paths with ':'")
        }
        var volume = VolumeRequest(source: HostPath.absolute(parts[0], in: directory), target: parts[1])
        if parts.count == 3 {
            for option in parts[2].cut(at: ",") { try apply(String(option), to: &volume, of: text) }
        }
        return volume
    }

    private static func apply(_ option: String, to volume: inout VolumeRequest, of text: String) throws(Failure) {
        switch option {
        case "ro", "readonly": volume.readOnly = true
        case "rw": volume.readOnly = false
        case "noexec": volume.noExecute = true
        case "exec": volume.noExecute = false
        case "unmapped": volume.mapped = false
        case "nosuid", "nodev", "private", "rprivate", "rbind": break  // always so
        default:
            throw .flag(
                "volume", text, cause: "the option '\(option)' is not known",
                remedy: "known are ro, rw, noexec, exec and unmapped")
        }
    }
}

extension HostPath {
    /// What is at the source of a volume, following links as the kernel will.
    /// - Throws: `volume.source-missing`, `volume.source-unreadable`.
    static func isFile(_ path: String) throws(Failure) -> Bool { try VolumeSource.isFile(path) }
}
