import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Calls: (token, content type, file, url)... in turn on one stock client, then the last one ten times at once. */
public class Posting {
    public static void main(String[] given) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest last = null;
        for (int at = 0; at < given.length; at += 5) {
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(given[at + 4]))
                .header("Authorization", "Bearer " + given[at + 1]);
            if (!given[at + 2].isEmpty()) request.header("Content-Type", given[at + 2]);
            Path file = Path.of(given[at + 3]);
            switch (given[at]) {
                case "GET" -> request.GET();
                case "CHUNKED" -> {
                    byte[] body = Files.readAllBytes(file);
                    request.POST(BodyPublishers.ofInputStream(() -> new java.io.ByteArrayInputStream(body)));
                }
                default -> request.method(given[at], BodyPublishers.ofFile(file));
            }
            last = request.build();
            var answer = client.send(last, BodyHandlers.ofString());
            System.out.println(answer.statusCode() + " " + answer.body());
        }
        List<CompletableFuture<Integer>> at_once = new ArrayList<>();
        for (int n = 0; n < 10; n++)
            at_once.add(client.sendAsync(last, BodyHandlers.ofString()).thenApply(answer -> answer.statusCode()));
        for (var each : at_once) System.out.println(each.get());
    }
}
