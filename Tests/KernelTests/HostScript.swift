import LinuxKernel
import Testing

/// A program that a test writes itself and executes.
///
/// Written by a process that has ended: a child that another test starts while we had the file open would have it open
/// too until it executes its own program, and what somebody may write to is not executed (ETXTBSY).
enum HostScript {
    private static let seconds = 120.0

    static func write(_ text: String, to path: String) throws {
        let source = try OwnedDescriptor.memoryFile("script")
        try source.write(text)
        try source.seek(to: 0)
        try write(source, to: path)
    }

    static func copy(_ program: String, to path: String) throws {
        try write(try OwnedDescriptor.open(RawPath(program)), to: path)
    }

    private static func write(_ source: OwnedDescriptor, to path: String) throws {
        let writer = try ToolProcess.start(
            "/bin/sh", ["-c", #"cat > "$1" && chmod 755 "$1""#, "sh", path], environment: ["PATH=/usr/bin:/bin"],
            descriptors: [source, nil, try OwnedDescriptor.standardStream(2)])
        let end = try writer.reap(within: seconds)
        try #require(end == .exited(0), "\(path) cannot be written")
    }
}
