import Diagnostics
import LinuxKernel

/// Signals by number or name: `15`, `TERM`, `SIGTERM`, `RTMIN+3`.
enum SignalFlag {
    static func parse(_ text: String, flag: String) throws(Failure) -> Int32 {
        if let number = Int32(text), (1...SignalNumber.realTime.upperBound).contains(number) { return number }
        let upper = text.uppercased()
        let name = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
        if let index = SignalNumber.names.firstIndex(of: name) { return Int32(index + 1) }
        if let number = realTime(name), SignalNumber.realTime.contains(number) { return number }
        throw .flag(
            flag, text, cause: "there is no such signal", remedy: "use a name or number of signal(7), such as TERM")
    }

    private static func realTime(_ name: String) -> Int32? {
        let ends = SignalNumber.realTime
        if name == "RTMIN" { return ends.lowerBound }
        if name == "RTMAX" { return ends.upperBound }
        if name.hasPrefix("RTMIN+") { return Int32(name.dropFirst(6)).map { ends.lowerBound &+ $0 } }
        if name.hasPrefix("RTMAX-") { return Int32(name.dropFirst(6)).map { ends.upperBound &- $0 } }
        return nil
    }

    /// `SIGTERM` for 15.
    static func name(_ number: Int32) -> String {
        SignalNumber.names.indices.contains(Int(number) - 1)
            ? "SIG" + SignalNumber.names[Int(number) - 1] : "signal \(number)"
    }
}
