import Diagnostics
import LinuxKernel
import RuntimeSpec

/// Where errors go: one sentence on standard error, and a line in the log file in the form callers of runc read.
struct Report {
    var path: String?
    var isJSON = false
    /// What the program ends with after an error.
    var status: Int32 = 1

    /// A log nobody can read would swallow what callers wait for.
    func check() throws(Failure) {
        guard let path else { return }
        do throws(KernelError) {
            _ = try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create, .append], mode: 0o644)
        } catch { throw error.failure(
            "usage", doing: "open the log", on: path, remedy: "name a file that can be written") }
    }

    func tell(_ failure: Failure, level: String = "error") {
        var sentences = [sentence(failure)]
        sentences += failure.alsoFailed.map { "afterwards: \(ErrorWords.added(to: $0.description))" }
        let text = sentences.joined(separator: "; ")
        // Whoever asks for JSON and names no file reads standard error.
        if path != nil || !isJSON {
            Output.complain("bulkhead-oci: \(level == "error" ? "" : level + ": ")\(text)\n")
        }
        log(text, level: level)
    }

    /// A line in the log only.
    func log(_ text: String, level: String) {
        guard path != nil || isJSON else { return }
        let line = line(text, level: level)
        guard let path else { return Output.complain(line + "\n") }
        do throws(KernelError) {
            try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create, .append], mode: 0o644).write(line + "\n")
        } catch { Output.complain("bulkhead-oci: \(error.description)\n") }
    }

    private func line(_ text: String, level: String) -> String {
        let time = Timestamp.text(seconds: Int64(HostFacts.wallClock()), nanoseconds: 0)
        guard isJSON else { return "time=\"\(time)\" level=\(level) msg=\(SpecValue.string(text).text)" }
        return (["level": .string(level), "msg": .string(text), "time": .string(time)] as SpecValue).text
    }

    /// podman and containerd tell "not there" from "not allowed" by words that runc says.
    private func sentence(_ failure: Failure) -> String {
        let text = ErrorWords.added(to: failure.description)
        let isDenied = failure.cause?.contains("EACCES") == true
        switch failure.code {
        case "launch.program-not-found" where !isDenied:
            // With a slash in it no $PATH was searched.
            let name = failure.subject ?? ""
            let place = name.has("/") ? ": exec \(Untrusted.shown(name))" : ""
            return "\(text): executable file not found in $PATH\(place): no such file or directory"
        case "launch.step-failed" where failure.cause?.contains("ELOOP") == true:
            return "\(text): it must be mounted on ordinary directory"
        case "launch.working-directory": return "\(text) (chdir)"
        default: return text
        }
    }
}

enum Output {
    static func write(_ text: String) throws(Failure) {
        do throws(KernelError) { try OwnedDescriptor.standardStream(1).writeWaiting(Array(text.utf8)) } catch {
            throw error.failure("output", doing: "write the answer")
        }
    }

    static func complain(_ text: String) {
        do throws(KernelError) { try OwnedDescriptor.standardStream(2).writeWaiting(Array(text.utf8)) } catch { return }
    }
}
