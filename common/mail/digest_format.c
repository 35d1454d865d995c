#include "common/mail/digest_format.h"

const char *const field_names[FORMAT_NAMES] = {
	"received", "return-path", "delivered-to", "from", "to", "cc", "bcc",
	"subject", "date", "message-id", "in-reply-to", "references",
	"reply-to", "sender", "mime-version", "content-type",
	"content-transfer-encoding", "content-disposition",
	"content-language", "content-id", "dkim-signature",
	"authentication-results", "arc-seal", "arc-message-signature",
	"arc-authentication-results", "received-spf", "list-id",
	"list-unsubscribe", "list-unsubscribe-post", "list-post", "list-help",
	"list-archive", "precedence", "auto-submitted", "x-mailer",
	"user-agent", "x-priority", "importance", "thread-topic",
	"thread-index", "organization", "comments", "keywords", "resent-from",
	"resent-to", "resent-date", "feedback-id", "x-spam-status",
};
