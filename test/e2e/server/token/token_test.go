// What the library signs, by its command-line tool, is read by the code of the
// real AnyCable server, and what that signs by the library. ANYCABLE_TOOL is
// the tool.
package token

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/anycable/anycable-go/common"
	"github.com/anycable/anycable-go/identity"
	"github.com/anycable/anycable-go/streams"
	"github.com/anycable/anycable-go/utils"
	"github.com/golang-jwt/jwt"
)

const secret = "s3Krit"

var logger = slog.New(slog.NewTextHandler(io.Discard, nil))

// run runs the tool with input on its standard input.
func run(input string, args ...string) (string, error) {
	command := exec.Command(os.Getenv("ANYCABLE_TOOL"), args...)
	command.Env = []string{"ANYCABLE_SECRET=" + secret}
	command.Stdin = strings.NewReader(input)
	out, err := command.Output()
	return strings.TrimSuffix(string(out), "\n"), err
}

func tool(t *testing.T, input string, args ...string) string {
	t.Helper()
	out, err := run(input, args...)
	if err != nil {
		t.Fatalf("%v of %q: %v", args, input, err)
	}
	return out
}

func equal(t *testing.T, got, expected any) {
	t.Helper()
	if got != expected {
		t.Fatalf("%#v is not %#v", got, expected)
	}
}

// names are those that the two alphabets of base64 tell apart, those that JSON
// escapes, and a hundred more.
func names() []string {
	all := []string{"news", "a?b", "user~1", "room>1", "chat/é", "😀", "<a>&b",
		"q\"\\\n", "\u2028", "\u007f", " ", "a--b", strings.Repeat("x", 5000)}
	characters := []rune("ab?>~<&\"\\\n/-=+é\u2028😀\x01")
	source := rand.New(rand.NewSource(1))
	for i := 0; i < 100; i++ {
		name := make([]rune, 1+source.Intn(40))
		for j := range name {
			name[j] = characters[source.Intn(len(characters))]
		}
		all = append(all, string(name))
	}
	return all
}

func TestServerVerifiesOurNames(t *testing.T) {
	verifier := utils.NewMessageVerifier(secret)
	for _, name := range names() {
		// The tool takes one newline off its input.
		stream, err := verifier.Verified(tool(t, name+"\n", "sign", "-"))
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		equal(t, stream, any(name))
	}
}

func TestWeVerifyNamesOfTheServer(t *testing.T) {
	verifier := utils.NewMessageVerifier(secret)
	for _, name := range names() {
		signed, err := verifier.Generate(name)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, tool(t, signed, "verify", "-"), name)
	}
}

func TestWeRefuseWhatTheServerRefuses(t *testing.T) {
	verifier := utils.NewMessageVerifier(secret)
	signed, _ := verifier.Generate("news")
	for i := range signed {
		changed := []byte(signed)
		changed[i] ^= 1
		if _, err := verifier.Verified(string(changed)); err == nil {
			t.Fatalf("the server takes %q", changed)
		}
		if _, err := run(string(changed), "verify", "-"); err == nil {
			t.Fatalf("we take %q", changed)
		}
	}
}

type subscriber interface {
	Subscribe(sid string, env *common.SessionEnv, ids string, identifier string) (*common.CommandResult, error)
}

func TestServerSubscribesByOurIdentifiers(t *testing.T) {
	config := streams.NewConfig()
	config.Secret = secret
	channels := map[string]subscriber{
		"pubsub":      streams.NewStreamsController(&config, logger),
		"turbo":       streams.NewTurboController(secret, logger),
		"cable-ready": streams.NewCableReadyController(secret, logger),
	}
	for channel, controller := range channels {
		for _, name := range names() {
			identifier := tool(t, name+"\n", "sign", "-", "--identifier="+channel)
			env := common.NewSessionEnv("ws://localhost/cable", nil)
			result, err := controller.Subscribe("sid", env, "", identifier)
			if err != nil || result.Status != common.SUCCESS {
				t.Fatalf("%s: %q: %v", channel, identifier, err)
			}
			equal(t, strings.Join(result.Streams, ","), name)
		}
	}
}

func identify(t *testing.T, token string) *common.ConnectResult {
	t.Helper()
	config := identity.NewJWTConfig(secret)
	identifier := identity.NewJWTIdentifier(&config, logger)
	env := common.NewSessionEnv("ws://localhost/cable?jid="+url.QueryEscape(token), nil)
	result, err := identifier.Identify("sid", env)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestServerLetsClientsWithOurTokensIn(t *testing.T) {
	for _, ttl := range []string{"0", "60", "999999999"} {
		for _, name := range names() {
			identifiers, _ := json.Marshal(map[string]string{"user": name})
			token := tool(t, string(identifiers), "jwt", "encode", "-", "--ttl", ttl)
			result := identify(t, token)
			equal(t, result.Status, common.SUCCESS)
			equal(t, result.Identifier, string(identifiers))
			if ttl != "60" {
				break
			}
		}
	}
}

func TestServerRefusesExpiredAndForgedTokens(t *testing.T) {
	short := tool(t, "{}", "jwt", "encode", "-", "--ttl=1")
	token := tool(t, "{}", "jwt", "encode", "-")
	forged := token[:len(token)-2] + "AA"
	if result := identify(t, forged); result.Status != common.FAILURE {
		t.Fatal("the server takes a forged token")
	}
	time.Sleep(2100 * time.Millisecond)
	result := identify(t, short)
	equal(t, result.Status, common.FAILURE)
	if !strings.Contains(fmt.Sprint(result.Transmissions), "token_expired") {
		t.Fatal(result.Transmissions)
	}
	if _, err := run(short, "jwt", "decode", "-"); err == nil {
		t.Fatal("we take an expired token")
	}
}

func sign(t *testing.T, method jwt.SigningMethod, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestWeReadTokensOfGolangJWT(t *testing.T) {
	now := time.Now().Unix()
	for _, claims := range []jwt.MapClaims{
		{},
		{"exp": now + 60},
		{"exp": float64(now) + 60.5, "nbf": now - 60, "iat": now, "iss": "test"},
	} {
		for _, name := range names() {
			claims["ext"] = name
			var read struct {
				Identifiers string
				Expires     int64 `json:"expires_at"`
			}
			out := tool(t, sign(t, jwt.SigningMethodHS256, claims), "jwt", "decode", "-")
			if err := json.Unmarshal([]byte(out), &read); err != nil {
				t.Fatal(err)
			}
			equal(t, read.Identifiers, name)
			equal(t, read.Expires != 0, claims["exp"] != nil)
		}
	}
}

func TestWeRefuseTokensOfGolangJWT(t *testing.T) {
	now := time.Now().Unix()
	for _, token := range []string{
		sign(t, jwt.SigningMethodHS256, jwt.MapClaims{"ext": "x", "exp": now - 1}),
		sign(t, jwt.SigningMethodHS256, jwt.MapClaims{"ext": "x", "nbf": now + 60}),
		sign(t, jwt.SigningMethodHS256, jwt.MapClaims{"ext": map[string]string{}}),
		sign(t, jwt.SigningMethodHS256, jwt.MapClaims{}),
		sign(t, jwt.SigningMethodHS384, jwt.MapClaims{"ext": "x"}),
		sign(t, jwt.SigningMethodHS512, jwt.MapClaims{"ext": "x"}),
	} {
		if out, err := run(token, "jwt", "decode", "-"); err == nil {
			t.Fatalf("we take %s: %s", token, out)
		}
	}
}

func TestKeysAreThoseOfTheServer(t *testing.T) {
	for _, phrase := range []string{"broadcast-cable", "rpc-cable", "api-cable"} {
		key, err := utils.NewMessageVerifier(secret).Sign([]byte(phrase))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, tool(t, "", "secret", phrase), string(key))
	}
}
