//! Model providers and what is built around them.

use super::{Rule, beside, token};

#[rustfmt::skip] // a table: one rule a paragraph
pub(super) const RULES: &[Rule] = &[
    token("anthropic-key", "Anthropic API key", &["sk-ant-"],
        r"(?P<shown>sk-ant-[a-z]{3,8}[0-9]{2}-)(?P<secret>[A-Za-z0-9_-]{80,120})"),
    token("openai-key", "OpenAI API key", &["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-"],
        r"(?P<shown>sk-(?:proj-|svcacct-|admin-)?)(?P<secret>[A-Za-z0-9_-]{20,100}T3BlbkFJ[A-Za-z0-9_-]{20,100})"),
    token("hugging-face-token", "Hugging Face token", &["hf_"], r"(?P<shown>hf_)(?P<secret>[A-Za-z]{34})"),
    token("hugging-face-organization-token", "Hugging Face organization token", &["api_org_"], r"(?P<shown>api_org_)(?P<secret>[A-Za-z]{34})"),
    token("groq-key", "Groq API key", &["gsk_"], r"(?P<shown>gsk_)(?P<secret>[A-Za-z0-9]{52})"),
    token("replicate-token", "Replicate token", &["r8_"], r"(?P<shown>r8_)(?P<secret>[A-Za-z0-9]{37})"),
    token("perplexity-key", "Perplexity API key", &["pplx-"], r"(?P<shown>pplx-)(?P<secret>[A-Za-z0-9]{48})"),
    token("xai-key", "xAI API key", &["xai-"], r"(?P<shown>xai-)(?P<secret>[A-Za-z0-9]{80})"),
    token("openrouter-key", "OpenRouter API key", &["sk-or-v1-"], r"(?P<shown>sk-or-v1-)(?P<secret>[0-9a-f]{64})"),
    token("deepseek-key", "DeepSeek API key", &["deepseek_api_key", "deepseek_key"],
        beside!("deepseek_(?:api_)?key", "sk-[0-9a-f]{32}")).named(),
    token("langsmith-key", "LangSmith key", &["lsv2_pt_", "lsv2_sk_"], r"(?P<shown>lsv2_(?:pt|sk)_)(?P<secret>[0-9a-f]{32}_[0-9a-f]{10})"),
    token("langfuse-key", "Langfuse secret key", &["sk-lf-"],
        r"(?P<shown>sk-lf-)(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"),
    token("pinecone-key", "Pinecone API key", &["pcsk_"], r"(?P<shown>pcsk_)(?P<secret>[A-Za-z0-9]{5,6}_[A-Za-z0-9]{60,66})"),
    token("nvidia-key", "NVIDIA API key", &["nvapi-"], r"(?P<shown>nvapi-)(?P<secret>[A-Za-z0-9_-]{64})"),
    token("fireworks-key", "Fireworks API key", &["fw_"], r"(?P<shown>fw_)(?P<secret>[A-Za-z0-9]{22,24})"),
    token("cerebras-key", "Cerebras API key", &["csk-"], r"(?P<shown>csk-)(?P<secret>[a-z0-9]{48})"),
    token("together-key", "Together API key", &["tgp_v1_"], r"(?P<shown>tgp_v1_)(?P<secret>[A-Za-z0-9_-]{43})"),
    token("elevenlabs-key", "ElevenLabs API key", &["elevenlabs_api_key", "xi-api-key"],
        beside!("elevenlabs_api_key|xi-api-key", "(?:sk_[0-9a-f]{48}|[0-9a-f]{32})")).named(),
    token("voyage-key", "Voyage API key", &["pa-"], r"(?P<shown>pa-)(?P<secret>[A-Za-z0-9_-]{43})"),
    token("tavily-key", "Tavily API key", &["tvly-"], r"(?P<shown>tvly-(?:dev-|prod-)?)(?P<secret>[A-Za-z0-9]{32})"),
    token("firecrawl-key", "Firecrawl API key", &["fc-"], r"(?P<shown>fc-)(?P<secret>[0-9a-f]{32})"),
    token("jina-key", "Jina API key", &["jina_"], r"(?P<shown>jina_)(?P<secret>[A-Za-z0-9_-]{60})"),
    token("kaggle-token", "Kaggle token", &["KGAT_"], r"(?P<shown>KGAT_)(?P<secret>[0-9a-f]{32})"),
    token("wandb-key", "Weights & Biases API key", &["wandb_api_key"], beside!("wandb_api_key", "[0-9a-f]{40}")).named(),
    token("cohere-key", "Cohere API key", &["cohere_api_key", "co_api_key"], beside!("(?:cohere|co)_api_key", "[A-Za-z0-9]{40}")).named(),
    token("mistral-key", "Mistral API key", &["mistral_api_key"], beside!("mistral_api_key", "[A-Za-z0-9]{32}")).named(),
    token("infracost-key", "Infracost API key", &["ico-"], r"(?P<shown>ico-)(?P<secret>[A-Za-z0-9]{32})"),
];
