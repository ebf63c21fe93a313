import Glibc
import HostileArchives
import LinuxKernel
import Testing

/// Runs the real `bulkhead-unpack` the way the image store does.
enum Unpacker {
    struct Outcome {
        var exitStatus: Int32
        /// The signal that ended it, or 0.
        var signal: Int32
        var lines: [String]
        var residentKiB: Int
        var seconds: Double

        var last: String { lines.last ?? "" }
        /// The code of the refusal, if it was one.
        var refusal: String? { field("code", of: "failure") }

        func field(_ name: String, of kind: String) -> String? {
            guard last.hasPrefix("{\"\(kind)\":") else { return nil }
            guard let start = last.firstRange(of: "\"\(name)\":\"") else { return nil }
            return String(last[start.upperBound...].prefix { $0 != "\"" })
        }
    }

    /// The program SwiftPM built beside this test bundle.
    static func program() throws -> String {
        let bundle = try #require(HostFacts.linkTarget("/proc/self/exe"))
        let beside = { (path: String) in path.split(separator: "/").dropLast().map { "/" + $0 }.joined() }
        let candidates = [bundle] + CommandLine.arguments
        let found = candidates.map { beside($0) + "/bulkhead-unpack" }.first { HostFacts.exists($0) }
        return try #require(found, "bulkhead-unpack is not built")
    }

    /// `ingest` or `layer` with everything it needs; ends it after `timeout` seconds.
    static func run(
        _ arguments: [String], input: OwnedDescriptor, target: OwnedDescriptor?, lowers: [OwnedDescriptor] = [],
        timeout: Double = 120
    ) throws -> Outcome {
        let start = HostFacts.monotonicClock()
        let (child, output) = try launch(arguments, input: input, target: target, lowers: lowers)
        return try collect(child, output: output, since: start, timeout: timeout)
    }

    /// The writing end of the results belongs to the program alone, so that their end is seen.
    static func launch(
        _ arguments: [String], input: OwnedDescriptor, target: OwnedDescriptor?, lowers: [OwnedDescriptor] = []
    ) throws -> (child: ProcessHandle, results: OwnedDescriptor) {
        let (read, write) = try OwnedDescriptor.pipe()
        let given: [OwnedDescriptor?] = [input, nil, try OwnedDescriptor.standardStream(2), target, write]
        return (try ToolProcess.start(try program(), arguments, descriptors: given + lowers), read)
    }

    static func collect(
        _ child: ProcessHandle, output: OwnedDescriptor, since start: Double, timeout: Double
    ) throws -> Outcome {
        var text: [UInt8] = []
        var resident = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
        defer { buffer.deallocate() }
        while true {
            let left = timeout - (HostFacts.monotonicClock() - start)
            if left <= 0 {
                try child.signal(SIGKILL)
                break
            }
            // What wait4(2) says afterwards is no use: a child starts with its parent's high-water mark.
            resident = max(resident, try highWaterMark(of: child.id))
            guard try output.waitReadable(milliseconds: 2) else { continue }
            let count = try output.read(into: buffer)
            if count == 0 { break }
            text += buffer[..<count]
        }
        var status: Int32 = 0
        while waitpid(child.id, &status, 0) < 0 && errno == EINTR {}
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
        return Outcome(
            exitStatus: status >> 8 & 0xff, signal: status & 0x7f, lines: lines, residentKiB: resident,
            seconds: HostFacts.monotonicClock() - start)
    }
}

extension Unpacker {
    /// VmHWM of a running process in KiB; 0 when it has ended, and before it is the program: its memory is ours then.
    private static func highWaterMark(of process: Int32) throws -> Int {
        let fields = try statusFields(of: process)
        guard fields["Name"] == "bulkhead-unpack", let mark = fields["VmHWM"] else { return 0 }
        return Int(mark.split(separator: " ")[0]) ?? 0
    }

    /// /proc/PID/status by name; empty when there is no such process.
    static func statusFields(of process: Int32) throws -> [String: String] {
        var fields: [String: String] = [:]
        do throws(KernelError) {
            for line in try TextFile.read("/proc/\(process)/status").split(separator: "\n") {
                guard let colon = line.firstIndex(of: ":") else { continue }
                fields[String(line[..<colon])] = String(line[line.index(after: colon)...].drop { $0.isWhitespace })
            }
        } catch {
            if error.errno != Errno.noEntry && error.errno != Errno.noProcess { throw error }
        }
        return fields
    }
}

extension Sandbox {
    /// Proves that what happened before left nothing behind: an ordinary layer unpacks.
    func expectGoodLayerUnpacks() throws {
        var tar = TarBuilder()
        tar.add("etc/", .directory)
        tar.add("etc/file", text: "good")
        let (outcome, layer) = try unpack(Compressed.gzip(tar.ended()), into: "good")
        #expect(outcome.exitStatus == 0, "\(outcome.last)")
        #expect(try layer.open("etc/file").readAll(limit: 100) == Array("good".utf8))
    }
}
