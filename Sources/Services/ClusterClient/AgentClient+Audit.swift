public import Diagnostics

extension AgentClient {
    /// The agent's audit of its machine and tasks, as the bytes of a report. `time`: for the whole of it; the agent
    /// looks only once it is asked, one audit after another.
    ///
    /// - Parameter profile: a name of a set of rules, letters, digits and dashes.
    public func audit(
        profile: String, includesHost: Bool, time: Duration
    ) async throws(Failure) -> [UInt8] {
        let path = "/audit?profile=\(profile)&host=\(includesHost)"
        let answer = try await transport.send(Order(.agent, reading: path, time: time), to: address)
        guard (200..<300).contains(answer.status) else {
            throw ClientFailures.refused(.agent, address, answer.status, text(answer.body))
        }
        return answer.body
    }
}
