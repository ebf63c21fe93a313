import CommandOutput
import Diagnostics
import LinuxKernel

/// Signals by number or name: `15`, `TERM`, `SIGTERM`, `RTMIN+3`.
enum SignalFlag {
    static func parse(_ text: String, flag: String) throws(Failure) -> Int32 {
        if let number = SignalNumber.named(text) { return number }
        throw .flag(
            flag, text, cause: "there is no such signal", remedy: "use a name or number of signal(7), such as TERM")
    }

    /// `SIGTERM` for 15.
    static func name(_ number: Int32) -> String {
        SignalNumber.names.indices.contains(Int(number) - 1)
            ? "SIG" + SignalNumber.names[Int(number) - 1] : "signal \(number)"
    }
}
