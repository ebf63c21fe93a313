import ClusterAPI
import Testing

@Suite("Written messages against the protocol") struct ConformanceTests {
    @Test("the operator API writes what the protocol has, defaults included")
    func operatorMessages() throws {
        let samples = try ClusterSamples()
        for response in try samples.operatorResponses() {
            #expect(Conformance.faults(response.value, OperatorResponse.message) == [])
        }
        for event in try samples.operatorEvents() {
            #expect(Conformance.faults(event.value, OperatorEvent.message) == [])
        }
    }

    @Test("operators' calls and the agent's operator API write what the protocol has, defaults included")
    func agentMessages() throws {
        let samples = try ClusterSamples()
        for call in samples.operatorCalls { #expect(Conformance.faults(call.value, OperatorCall.message) == []) }
        for call in samples.agentCalls { #expect(Conformance.faults(call.value, AgentCall.message) == []) }
        for response in samples.agentResponses {
            #expect(Conformance.faults(response.value, AgentResponse.message) == [])
        }
        for record in samples.processIO { #expect(Conformance.faults(record.value, ProcessIO.message) == []) }
    }

    @Test("what is not of the protocol is found")
    func canary() {
        let value = WireValue.object(["value": true, "colour": "red"])
        #expect(Conformance.faults(value, "mesos.v1.TaskID").count == 2)
        #expect(Conformance.faults(.object(["value": "u"]), "mesos.v1.CommandInfo.URI").count == 1)
    }
}
