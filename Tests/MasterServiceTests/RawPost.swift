import NIOCore
import NIOPosix

/// One POST on a connection of its own; only the status of its answer counts.
struct RawPost {
    let port: Int

    mutating func status(_ path: String, _ type: String, _ body: String) async throws -> Int {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            let head =
                "POST \(path) HTTP/1.1\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
                + "Connection: close\r\n\r\n"
            try await outbound.write(ByteBuffer(string: head + body))
            var text = ""
            for try await part in inbound { text += String(buffer: part) }
            return Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0
        }
    }
}
