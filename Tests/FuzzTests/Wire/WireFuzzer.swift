import ClusterAPI
import Diagnostics

/// Feeds the decoders of the cluster's API with bytes nobody meant as a message. The first byte chooses what they are
/// read as. What is read must be written and read again as the same; a crash is a finding.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    guard let choice = input.first else { return 0 }
    let messages = [
        "mesos.v1.scheduler.Call", "mesos.v1.executor.Call", "mesos.v1.master.Call", "mesos.v1.agent.Call",
        "mesos.v1.scheduler.Event", "mesos.v1.agent.ProcessIO",
    ]
    let message = messages[Int(choice >> 1) % messages.count]
    let format: WireFormat = choice & 1 == 0 ? .json : .protobuf
    let content = Array(input.dropFirst())
    do throws(Failure) {
        let value = try WireCodec.decode(content, as: message, format)
        let again = try WireCodec.decode(WireCodec.encode(value, as: message, format), as: message, format)
        precondition(again == value || format == .json, "\(message) is not what it was")
        readTyped(value, message)
    } catch {
        precondition(!error.code.rawValue.isEmpty)
    }
    return 0
}

/// The typed codecs, on what the schema has let through.
private func readTyped(_ value: WireValue, _ message: String) {
    do throws(Failure) {
        switch message {
        case "mesos.v1.scheduler.Call": _ = try SchedulerCall(value).value.bytes
        case "mesos.v1.executor.Call": _ = try ExecutorCall(value).value.bytes
        case "mesos.v1.scheduler.Event": _ = try SchedulerEvent(value, of: nil).value(for: []).bytes
        default: break
        }
    } catch {
        precondition(!error.code.rawValue.isEmpty)
    }
}
