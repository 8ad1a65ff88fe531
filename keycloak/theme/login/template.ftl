<#-- The frame of every page. Keycloak's templates nest a heading and a form into it. -->
<#macro registrationLayout bodyClass="" displayInfo=false displayMessage=true displayRequiredFields=false>
<#local heading><#nested "header"></#local>
<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="robots" content="noindex">
  <#-- Some headings bring a comment along, which a title would show. -->
  <title>${heading?markup_string?replace('<!--.*?-->', '', 'rs')?no_esc} – ${realm.displayName}</title>
  <link rel="icon" type="image/svg+xml" href="${url.resourcesPath}/img/gate.svg">
  <link rel="stylesheet" href="${url.resourcesPath}/css/pages.css?${properties.version}">
  <#-- Keycloak's passkey pages import by this name. -->
  <script type="importmap">{"imports": {"rfc4648": "${url.resourcesCommonPath}/vendor/rfc4648/rfc4648.js"}}</script>
  <script type="module" src="${url.resourcesPath}/js/pages.js?${properties.version}"></script>
</head>
<body data-page-id="login-${pageId}"<#if authenticationSession??> data-session="${authenticationSession.authSessionIdHash}" data-signed-in-elsewhere="${url.ssoLoginInOtherTabsUrl}"</#if>>
  <header>
    <img src="${url.resourcesPath}/img/gate.svg" alt="" width="32" height="32">
    <span>${realm.displayName}</span>
  </header>
  <main>
    <h1 id="kc-page-title">${heading}</h1>
    <#if displayMessage && message?has_content && (message.type != 'warning' || !isAppInitiatedAction??)>
      <div class="message ${message.type}" role="${(message.type == 'error')?then('alert', 'status')}">
        <#-- Keycloak joins several with this tag. -->
        <#list message.summary?split('<br>') as line><p>${line}</p></#list>
      </div>
    </#if>
    <#if auth?has_content && auth.showUsername() && !auth.showResetCredentials()>
      <#nested "show-username">
      <p>You sign in as <strong id="kc-attempted-username"><bdi>${auth.attemptedUsername}</bdi></strong>. <a id="reset-login" href="${url.loginRestartFlowUrl}">Someone else?</a></p>
    </#if>
    <#if displayRequiredFields><p><span class="required" aria-hidden="true">*</span> ${msg("requiredFields")}</p></#if>
    <#nested "form">
    <#if auth?has_content && auth.showTryAnotherWayLink()>
      <form id="kc-select-try-another-way-form" action="${url.loginAction}" method="post">
        <button id="try-another-way" name="tryAnotherWay" value="on">${msg("doTryAnotherWay")}</button>
      </form>
    </#if>
    <#nested "socialProviders">
    <#if displayInfo><#nested "info"></#if>
  </main>
</body>
</html>
</#macro>
